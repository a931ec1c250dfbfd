"""A node says which setting is wrong, and has no secret by itself."""

import pytest
from pydantic import ValidationError

from plain.config import Settings

GIVEN = {
    "NODE_NAME": "matriz",
    "PEERS": "norte=http://norte:8000/, sul=http://sul:8000",
    "DATABASE_PATH": "matriz.db",
    "JWT_SECRET": "j" * 32,
    "REPLICA_SECRET": "r" * 32,
    "ADMIN_USERNAME": "admin",
    "ADMIN_PASSWORD": "correct horse battery",
}


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    for name, value in GIVEN.items():
        monkeypatch.setenv(name, value)
    return monkeypatch


def _read() -> Settings:
    return Settings()  # type: ignore[call-arg]  # from the environment


def test_settings_come_from_the_environment(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("REPLICATION_RETRY_SECONDS", "2")

    settings = _read()

    assert settings.peers == {"norte": "http://norte:8000", "sul": "http://sul:8000"}
    assert settings.replication_retry_seconds == 2


def test_no_peers_is_a_network_of_one(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("PEERS", "")

    assert _read().peers == {}


@pytest.mark.parametrize("name", GIVEN)
def test_none_of_them_has_a_default(environment: pytest.MonkeyPatch, name: str) -> None:
    environment.delenv(name)

    with pytest.raises(ValidationError, match=name.lower()):
        _read()


@pytest.mark.parametrize("name", ["JWT_SECRET", "REPLICA_SECRET", "ADMIN_PASSWORD"])
def test_a_short_secret_is_refused_and_not_shown(environment: pytest.MonkeyPatch, name: str) -> None:
    environment.setenv(name, "too-short")

    with pytest.raises(ValidationError, match=name.lower()) as refused:
        _read()

    assert "too-short" not in str(refused.value)


def test_a_peer_without_an_address_is_refused(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("PEERS", "norte")

    with pytest.raises(ValidationError, match="name=http://host:port"):
        _read()
