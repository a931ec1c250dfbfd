"""The secrets: made once, private, never silently replaced."""

from pathlib import Path

import pytest

from branchlab.errors import LabError
from branchlab.settings import load_or_create


def test_the_file_is_made_once_and_only_its_owner_may_read_it(tmp_path: Path) -> None:
    path = tmp_path / "env"
    made = load_or_create(path)
    assert load_or_create(path) == made
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_folder_that_is_not_there_yet_is_made_for_its_owner_only(tmp_path: Path) -> None:
    made = load_or_create(tmp_path / "new" / "env")
    assert load_or_create(tmp_path / "new" / "env") == made
    assert (tmp_path / "new").stat().st_mode & 0o777 == 0o700


def test_every_secret_is_long_enough_for_a_node_and_none_is_like_another(tmp_path: Path) -> None:
    made, other = load_or_create(tmp_path / "a"), load_or_create(tmp_path / "b")
    values = {made.jwt_secret, made.replica_secret, other.jwt_secret, other.replica_secret}
    assert len(values) == 4
    assert min(map(len, values)) >= 32
    assert made.admin_password != other.admin_password


def test_a_file_that_others_may_read_is_closed_to_them(tmp_path: Path) -> None:
    path = tmp_path / "env"
    load_or_create(path)
    path.chmod(0o644)
    load_or_create(path)
    assert path.stat().st_mode & 0o777 == 0o600


def test_comments_and_quotes_are_read_as_compose_reads_them(tmp_path: Path) -> None:
    path = tmp_path / "env"
    made = load_or_create(path)
    lines = [f'{name}="{value}"' for name, value in made.environment().items()]
    path.write_text("\n".join(["# ours", "", "NODES=4", *lines]), encoding="utf-8")
    assert load_or_create(path) == made


def test_a_missing_secret_is_named_and_not_made_up(tmp_path: Path) -> None:
    """A new CLUSTER_ID under old data would split the network in two."""
    path = tmp_path / "env"
    path.write_text("JWT_SECRET=x\nADMIN_USERNAME=admin\n", encoding="utf-8")
    with pytest.raises(LabError, match="lacks CLUSTER_ID, REPLICA_SECRET, ADMIN_PASSWORD"):
        load_or_create(path)


def test_no_secret_shows_when_they_are_printed(tmp_path: Path) -> None:
    made = load_or_create(tmp_path / "env")
    for secret in (made.jwt_secret, made.replica_secret, made.admin_password):
        assert secret not in repr(made)
