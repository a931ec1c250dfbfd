"""A node's settings: read once from the environment, checked whole, never changed."""

import re
from collections.abc import Mapping
from ipaddress import ip_network
from pathlib import Path
from typing import Annotated, Any, Self
from urllib.parse import urlsplit
from uuid import UUID

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    SecretStr,
    StringConstraints,
    ValidationError,
    model_validator,
)
from pydantic.dataclasses import dataclass
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from app.domain import characters, text
from app.domain.bounds import MOST_KEPT_BYTES
from app.domain.stock import Policy
from app.security.passwords import password_fault

SECRET_BYTES = 32  # the least for HS256 (RFC 7518, 3.2)
_HOST = re.compile(r"[a-z0-9_.-]+|\[[0-9a-f:.]+\]")
_NODE_NAME = re.compile(r"[a-z][a-z0-9-]{0,30}")


class ConfigurationError(Exception):
    """A setting is missing or wrong. The message is one plain line that begins with its name."""


def _node_name(name: str) -> str:
    if not _NODE_NAME.fullmatch(name):
        raise ValueError(
            f"{name!r} is no node name: a small letter, then up to 30 small letters, digits or hyphens"
        )
    return name


def _base_url(url: str) -> str:
    shape = f"{url!r} is no node address: it must look like http://HOST:PORT"
    try:
        parts = urlsplit(url)
        _ = parts.port  # reading it checks its range
    except ValueError:
        raise ValueError(shape) from None
    bare = not (parts.path.strip("/") or parts.query or parts.fragment or parts.username)
    if parts.scheme not in {"http", "https"} or not parts.hostname or not bare:
        raise ValueError(shape)
    return url.rstrip("/")


def _hosts(value: object) -> object:
    """Names with commas between them as a set; blank means that every name is allowed."""
    if not isinstance(value, str):
        return value
    names = [name.strip().lower() for name in value.split(",") if name.strip()]
    for name in names:
        if not _HOST.fullmatch(name):
            raise ValueError(f"{name!r} is no host name: write names or addresses without port, with commas")
    return frozenset(names)


def _secret(value: SecretStr) -> SecretStr:
    if len(value.get_secret_value().encode()) < SECRET_BYTES:
        raise ValueError(f"must have at least {SECRET_BYTES} bytes")
    return value


def _cluster_id(value: str) -> str:
    try:
        return str(UUID(value))
    except ValueError:
        raise ValueError("must be a UUID, the same one at every node of the network") from None


def _admin_username(value: str) -> str:
    if reason := text.fault(value, longest=text.KEY):
        raise ValueError(f"cannot be a username ({reason})")
    if fault := characters.key_fault(value):
        raise ValueError(f"cannot be a username ({fault.reason} {fault.character})")
    return value


def _admin_password(value: SecretStr) -> SecretStr:
    if reason := password_fault(value.get_secret_value()):
        raise ValueError(f"must have 12 characters or more, at most 72 bytes and no NUL ({reason})")
    return value


NodeName = Annotated[str, AfterValidator(_node_name)]
Secret = Annotated[SecretStr, AfterValidator(_secret)]
Seconds = Annotated[float, Field(gt=0, le=3600, allow_inf_nan=False)]


@dataclass(frozen=True)
class Peer:
    """Another node of the network: its name and its URL."""

    name: NodeName
    url: Annotated[str, AfterValidator(_base_url)]


def _peers(value: object) -> object:
    """`name=url,name=url` as peers; blank means none."""
    if not isinstance(value, str):
        return value
    pairs = [pair.partition("=") for pair in value.split(",") if pair.strip()]
    for name, equals, _ in pairs:
        if not equals:
            raise ValueError(f"{name.strip()!r} is no peer: write name=url, several of them with commas")
    # Checked here and not by pydantic, whose message would name the place inside the tuple.
    return tuple(Peer(name=_node_name(name.strip()), url=_base_url(url.strip())) for name, _, url in pairs)


def _proxies(value: object) -> object:
    """The addresses and networks in a text, each as `ipaddress` writes it."""
    if not isinstance(value, str):
        return value
    try:
        return tuple(str(ip_network(part.strip())) for part in value.split(",") if part.strip())
    except ValueError:
        shape = "must be addresses or networks like 10.0.0.1,10.1.0.0/16, with commas"
        raise ValueError(shape) from None


class Settings(BaseSettings):
    """Everything that differs between two nodes. Field names are the environment's, in small letters.

    It never reads the environment itself: `read_settings` does that, for `main.py`, so that several nodes can
    run in one process.
    """

    model_config = SettingsConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    node_name: NodeName
    peers: Annotated[tuple[Peer, ...], BeforeValidator(_peers)]  # the other nodes only
    cluster_id: Annotated[str, AfterValidator(_cluster_id)]
    database_path: Path
    jwt_secret: Secret
    jwt_secret_previous: Secret | None = None  # still accepted while a rotation is under way
    jwt_minutes: Annotated[int, Field(ge=1, le=7 * 24 * 60)] = 480
    replica_secret: Secret
    replica_secret_previous: Secret | None = None
    admin_username: Annotated[str, StringConstraints(strip_whitespace=True), AfterValidator(_admin_username)]
    admin_password: Annotated[SecretStr, AfterValidator(_admin_password)]
    founding_id: Annotated[str, AfterValidator(_cluster_id)] | None = None  # another one for each network
    found: bool = False
    stock_policy: Policy = "escrow"
    replication_retry_seconds: Seconds = 0.5
    transfer_wait_seconds: Seconds = 0.5
    rebalance_seconds: Annotated[float, Field(ge=0, le=86_400, allow_inf_nan=False)] = 5.0  # 0 = off
    clock_offset_seconds: Annotated[float, Field(ge=-1e9, le=1e9, allow_inf_nan=False)] = 0.0  # lab only
    outbox_max_events: Annotated[int, Field(ge=1000, le=10**9)] = 1_000_000  # about 250 MB of log
    lab_faults: bool = False  # /faults: lets an administrator break links and disk on purpose
    kept_max_bytes: Annotated[int, Field(ge=2**20, le=2**40)] = MOST_KEPT_BYTES  # parked, of one branch
    replication_min_acks: Annotated[int, Field(ge=0, le=100)] = 0  # peers that store an order before its 201
    durable_wait_seconds: Seconds = 5.0  # how long a 201 may wait for them before it becomes a 202
    scrub_seconds: Seconds = 600.0  # how often all replicated rows are read again
    keep_damaged_days: Annotated[int, Field(ge=1, le=36_500)] = 90  # of a set-aside file
    commands_together: Annotated[int, Field(ge=1, le=128)] = 64  # orders under way at once, if not more fit
    reads_together: Annotated[int, Field(ge=1, le=64)] = 2  # lists and single rows that are read at once
    queue_seconds: Seconds = 0.05  # how long a command may wait to begin; ten times that for reads
    queue_bytes: Annotated[int, Field(ge=2**20, le=2**40)] = 8 * 2**20  # of bodies that wait in one lane
    header_seconds: Seconds = 10.0  # how long a connection may take to send a request's header
    body_seconds: Seconds = 10.0  # and its body, with a second more for each 64 KiB that arrived
    write_seconds: Seconds = 10.0  # how long a client may leave what it is answered unread
    keep_alive_seconds: Seconds = 10.0  # how long a connection may be idle between requests
    connections_max: Annotated[int, Field(ge=16, le=100_000)] = 1000  # at once; fewer under a low ulimit
    bodies_max_bytes: Annotated[int, Field(ge=16 * 2**20, le=2**40)] = 32 * 2**20  # in memory, all together
    unproven_requests_per_second: Annotated[float, Field(gt=0, le=1e9)] = 100.0  # of one address, no token
    login_failures: Annotated[int, Field(ge=5, le=10**6)] = 30  # a minute: of one address, or of one name
    logins_waiting: Annotated[int, Field(ge=1, le=1000)] = 16  # for their turn to be checked
    trusted_proxies: Annotated[tuple[str, ...], BeforeValidator(_proxies)] = ()  # X-Forwarded-For counts
    # The hosts of requests that are answered; every one where it is blank. Peers use those of their PEERS.
    allowed_hosts: Annotated[frozenset[str], BeforeValidator(_hosts)] = frozenset()
    bcrypt_rounds: Annotated[int, Field(ge=4, le=16)] = 12  # 2^n rounds; under 10 for tests only

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return (init_settings,)

    @model_validator(mode="after")
    def _names_differ(self) -> Self:
        names = [peer.name for peer in self.peers]
        if self.node_name in names:
            raise ValueError(f"PEERS names this node itself ({self.node_name}): list the others only")
        for values, what in ((names, "name"), ([peer.url for peer in self.peers], "address")):
            repeated = {value for value in values if values.count(value) > 1}
            if repeated:
                raise ValueError(f"PEERS has the {what} {min(repeated)} twice")
        return self

    @model_validator(mode="after")
    def _acks_can_come(self) -> Self:
        if self.replication_min_acks > len(self.peers):
            raise ValueError(
                f"REPLICATION_MIN_ACKS is {self.replication_min_acks}, but there are {len(self.peers)} peers"
            )
        return self

    @model_validator(mode="after")
    def _secrets_differ(self) -> Self:
        client = {self.jwt_secret, self.jwt_secret_previous} - {None}
        replica = {self.replica_secret, self.replica_secret_previous} - {None}
        if client & replica:
            raise ValueError("REPLICA_SECRET and JWT_SECRET must differ: each would open the other's doors")
        return self


_HINTS = {
    "peers": "name the other nodes as name=url,name=url, or set it to nothing for a network of one",
    "cluster_id": "set a UUID, the same one at every node of the network",
    "jwt_secret": f"set {SECRET_BYTES} random bytes or more, the same at every node",
    "replica_secret": f"set {SECRET_BYTES} random bytes or more, the same at every node, not JWT_SECRET's",
}


def read_settings(environ: Mapping[str, str]) -> Settings:
    """Settings from environment variables; blank optional ones count as absent.

    Raises ConfigurationError for the first wrong or missing one, by name. No message repeats a secret.
    """
    given: dict[str, Any] = {}
    for name, definition in Settings.model_fields.items():
        value = environ.get(name.upper())
        if value is not None and (value.strip() or name == "peers"):
            given[name] = value
        elif definition.is_required():
            hint = _HINTS.get(name, "this node does not start without it")
            raise ConfigurationError(f"{name.upper()} is missing: {hint}")
    try:
        return Settings(**given)
    except ValidationError as error:
        raise ConfigurationError(_line(error)) from None


def _line(error: ValidationError) -> str:
    first = error.errors(include_url=False, include_input=False)[0]
    reason = first["msg"].removeprefix("Value error, ")
    if not first["loc"]:
        return reason
    return f"{str(first['loc'][0]).upper()} {_sentence(reason)}"


def _sentence(reason: str) -> str:
    if reason.startswith("Input should"):
        return "must" + reason.removeprefix("Input should")
    return reason if reason.startswith(("must", "cannot")) else f"is wrong: {reason}"
