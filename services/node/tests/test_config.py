"""Settings from the environment, and one plain line for each mistake."""

import pytest

from app.config import ConfigurationError, Peer, read_settings

GOOD = {
    "NODE_NAME": "matriz",
    "PEERS": "filial-norte=http://127.0.0.1:18002, filial-sul=http://127.0.0.1:18003/",
    "CLUSTER_ID": "5b0c1c9e-3f0e-4f57-8f35-8a4d2f5a0001",
    "DATABASE_PATH": "/data/node.db",
    "JWT_SECRET": "j" * 32,
    "REPLICA_SECRET": "r" * 32,
    "ADMIN_USERNAME": "admin",
    "ADMIN_PASSWORD": "correct horse",
}


def test_settings_are_read_from_the_environment() -> None:
    settings = read_settings({**GOOD, "STOCK_POLICY": "optimistic", "FOUND": "1", "UNRELATED": "x"})
    assert settings.peers == (
        Peer(name="filial-norte", url="http://127.0.0.1:18002"),
        Peer(name="filial-sul", url="http://127.0.0.1:18003"),
    )
    assert (settings.stock_policy, settings.found, settings.jwt_minutes) == ("optimistic", True, 480)


def test_a_damaged_file_is_kept_for_ninety_days_unless_it_is_said_otherwise() -> None:
    assert read_settings(GOOD).keep_damaged_days == 90
    assert read_settings({**GOOD, "KEEP_DAMAGED_DAYS": "7"}).keep_damaged_days == 7


def test_a_network_of_one_says_so_by_empty_peers() -> None:
    assert read_settings({**GOOD, "PEERS": ""}).peers == ()


def test_a_blank_optional_setting_counts_as_absent() -> None:
    settings = read_settings({**GOOD, "JWT_SECRET_PREVIOUS": "", "JWT_MINUTES": " "})
    assert (settings.jwt_secret_previous, settings.jwt_minutes) == (None, 480)


@pytest.mark.parametrize("name", GOOD)
def test_every_missing_setting_is_named(name: str) -> None:
    with pytest.raises(ConfigurationError, match=rf"^{name} is missing: \S"):
        read_settings({key: value for key, value in GOOD.items() if key != name})


@pytest.mark.parametrize("name", ["JWT_SECRET", "REPLICA_SECRET", "ADMIN_PASSWORD"])
def test_no_secret_has_a_default_even_when_blank(name: str) -> None:
    with pytest.raises(ConfigurationError, match=f"^{name} is missing"):
        read_settings({**GOOD, name: ""})


@pytest.mark.parametrize(
    ("name", "value", "line"),
    [
        ("NODE_NAME", "Matriz", "NODE_NAME is wrong: 'Matriz' is no node name"),
        ("NODE_NAME", "a" * 32, "NODE_NAME is wrong"),
        ("NODE_NAME", "filial-sul", "PEERS names this node itself"),
        ("PEERS", "filial-sul", "PEERS is wrong: 'filial-sul' is no peer: write name=url"),
        ("PEERS", "SUL=http://x", "PEERS is wrong: 'SUL' is no node name"),
        ("PEERS", "sul=ftp://x", "PEERS is wrong: 'ftp://x' is no node address"),
        ("PEERS", "sul=http://x:99999", "PEERS is wrong: 'http://x:99999' is no node address"),
        ("KEEP_DAMAGED_DAYS", "0", "KEEP_DAMAGED_DAYS must be greater than or equal to 1"),
        ("PEERS", "sul=http://x/path", "PEERS is wrong"),
        ("PEERS", "sul=http://x,sul=http://y", "PEERS has the name sul twice"),
        ("PEERS", "sul=http://x,norte=http://x", "PEERS has the address http://x twice"),
        ("CLUSTER_ID", "acme", "CLUSTER_ID must be a UUID"),
        ("JWT_SECRET", "j" * 31, "JWT_SECRET must have at least 32 bytes"),
        ("REPLICA_SECRET", "short", "REPLICA_SECRET must have at least 32 bytes"),
        ("REPLICA_SECRET", "j" * 32, "REPLICA_SECRET and JWT_SECRET must differ"),
        ("REPLICA_SECRET_PREVIOUS", "j" * 32, "REPLICA_SECRET and JWT_SECRET must differ"),
        ("ADMIN_USERNAME", "a\x00b", "ADMIN_USERNAME cannot be a username"),
        ("ADMIN_PASSWORD", "short", "ADMIN_PASSWORD must have 12 characters or more"),
        ("ADMIN_PASSWORD", "é" * 37, "ADMIN_PASSWORD must have 12 characters or more, at most 72 bytes"),
        ("ADMIN_PASSWORD", "with a NUL \0 in it", "ADMIN_PASSWORD must have"),
        ("STOCK_POLICY", "hope", "STOCK_POLICY must be 'escrow' or 'optimistic'"),
        ("FOUND", "maybe", "FOUND must be a valid boolean"),
        ("REPLICATION_RETRY_SECONDS", "soon", "REPLICATION_RETRY_SECONDS must be a valid number"),
        ("REPLICATION_RETRY_SECONDS", "0", "REPLICATION_RETRY_SECONDS must be greater than 0"),
        ("TRANSFER_WAIT_SECONDS", "-1", "TRANSFER_WAIT_SECONDS must be greater than 0"),
        ("TRANSFER_WAIT_SECONDS", "nan", "TRANSFER_WAIT_SECONDS must be"),
        ("REBALANCE_SECONDS", "-0.1", "REBALANCE_SECONDS must be greater than or equal to 0"),
        ("CLOCK_OFFSET_SECONDS", "inf", "CLOCK_OFFSET_SECONDS must be"),
        ("ALLOWED_HOSTS", "matriz:18001", "ALLOWED_HOSTS is wrong: 'matriz:18001' is no host name"),
        ("ALLOWED_HOSTS", "http://matriz", "ALLOWED_HOSTS is wrong"),
        ("BCRYPT_ROUNDS", "3", "BCRYPT_ROUNDS must be greater than or equal to 4"),
        ("BCRYPT_ROUNDS", "31", "BCRYPT_ROUNDS must be less than or equal to 16"),
        ("JWT_MINUTES", "0", "JWT_MINUTES must be greater than or equal to 1"),
    ],
)
def test_a_wrong_setting_is_one_line_with_its_name(name: str, value: str, line: str) -> None:
    with pytest.raises(ConfigurationError) as wrong:
        read_settings({**GOOD, name: value})
    said = str(wrong.value)
    assert said.startswith(line)
    assert "\n" not in said


@pytest.mark.parametrize("name", ["JWT_SECRET", "REPLICA_SECRET", "ADMIN_PASSWORD"])
def test_no_message_repeats_a_secret(name: str) -> None:
    with pytest.raises(ConfigurationError) as wrong:
        read_settings({**GOOD, name: "hunter2"})
    assert "hunter2" not in str(wrong.value)


def test_settings_show_no_secret() -> None:
    shown = repr(read_settings(GOOD))
    assert not [secret for secret in ("jjjj", "rrrr", "correct horse") if secret in shown]
