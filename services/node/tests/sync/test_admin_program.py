"""`python -m app.admin reset`, run beside a stopped node with the node's own environment."""

import pytest

from app import admin, program
from app.state.tables import users
from tests.support.company import Company
from tests.support.virtual import eventually
from tests.sync.test_salvage_program import environment, settings_of

pytestmark = pytest.mark.anyio

NEW = {"ADMIN_USERNAME": "root", "ADMIN_PASSWORD": "a new long password"}


async def test_a_reset_makes_an_admin_that_every_branch_receives(
    company: Company, capsys: pytest.CaptureFixture[str]
) -> None:
    _, norte = await company.found("sul", "norte")
    await company.stop("sul")
    assert admin.main(["reset"], {**environment(settings_of(company)), **NEW}) == 0
    assert capsys.readouterr().out == "root is an active administrator\n"
    sul = await company.start("sul", peers=("sul", "norte"))
    await eventually(company.converged)
    for node in (sul, norte):
        found = await node.database.read(lambda c: users.acting_by_username(c, "root"))
        assert found is not None
        assert found.active_admin
        assert await node.passwords.check(NEW["ADMIN_PASSWORD"], found.password_hash)


async def test_it_refuses_in_one_line_while_the_node_runs_and_where_nothing_was_founded(
    company: Company, capsys: pytest.CaptureFixture[str]
) -> None:
    with_words = environment(settings_of(company))
    for expected in ("there is no database", "is in use by another process"):
        assert admin.main(["reset"], with_words) == program.FAILED
        said = capsys.readouterr()
        assert (said.out, said.err.count("\n"), expected in said.err) == ("", 1, True)
        if not company.path("sul").exists():
            await company.found("sul")
    assert admin.main([], with_words) == program.MISUSED
    assert capsys.readouterr().err.startswith("usage: ")
