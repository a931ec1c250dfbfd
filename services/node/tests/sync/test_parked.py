"""What nobody can ever apply: seen, and come by another way when somebody asks for it."""

import pytest

from tests.support.branch import ACTOR
from tests.support.company import Company, buy, customer, stock
from tests.support.spoiling import NONSENSE, deliver_spoiled
from tests.support.virtual import eventually

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize("kind", ["order_created", "stock_update", "customer_upserted"])
async def test_what_no_version_can_apply_is_fetched_whole_when_it_is_replayed(
    company: Company, kind: str
) -> None:
    """An order that arrived as nonsense would otherwise be red for ever: no later event tells it again."""
    matriz, norte = await company.found("matriz", "norte")
    await eventually(company.converged)
    company.network.cut.add(("matriz", "norte"))
    await customer(matriz)
    await stock(matriz, "rice", 5)
    await buy(matriz, "rice", 1)
    await deliver_spoiled(matriz, norte, kind=kind, changes=NONSENSE)
    company.network.cut.clear()
    assert (await norte.status()).parked not in (None, 0)

    assert (await norte.replay_parked(actor=ACTOR))["left"] > 0
    await eventually(company.converged)


async def test_a_replay_before_the_origin_was_heard_of_waits_for_its_hello(company: Company) -> None:
    """A process that has just started knows no peer's life yet, and asks none without naming it."""
    matriz, norte = await company.found("matriz", "norte")
    await eventually(company.converged)
    company.network.cut |= {("matriz", "norte"), ("norte", "matriz")}
    await customer(matriz)
    await deliver_spoiled(matriz, norte, kind="customer_upserted", changes=NONSENSE)
    await company.stop("norte")
    norte = await company.start("norte", peers=("matriz", "norte"))
    await eventually(lambda: norte.ready)

    assert (await norte.replay_parked(actor=ACTOR))["left"] > 0
    company.network.cut.clear()
    await eventually(company.converged)
