"""Faults made on purpose. Times are in seconds, chances between 0 and 1.

The shapes of link faults derive from the faults themselves (app.faults.link_faults).
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self, Union, get_args, get_type_hints

from pydantic import ConfigDict, Field, create_model
from pydantic.config import JsonDict

from app.api.schemas.base import Answer, Body, Whole, shows
from app.faults import fault_service, forgery
from app.faults.faulty_transport import LONGEST_LEASE_SECONDS
from app.faults.forgery import Kind as ForgeryKind
from app.faults.link_faults import FAULTS, ORDER, LinkFault, setting_names, settings_of

LeaseSeconds = Annotated[float, Field(ge=0.1, le=LONGEST_LEASE_SECONDS)]
Seed = Annotated[int, Field(ge=0, lt=2**63), Whole]

_BY_KIND: Mapping[str, Callable[..., LinkFault]] = {fault.kind: fault for fault in FAULTS}
_EXAMPLES: Mapping[str, JsonDict] = {"cut": {"kind": "cut", "lease_seconds": 600}}


class LeasedFault(Body):
    """Every fault ends after `lease_seconds`, by itself. `seed` decides what it leaves to chance; without
    one, the node draws it and shows it."""

    lease_seconds: LeaseSeconds
    seed: Seed | None = None
    kind: str

    def fault(self) -> LinkFault:
        """The fault as a value."""
        made = _BY_KIND[self.kind]
        return made(**self.model_dump(exclude=set(LeasedFault.model_fields)))


def _shape(fault: type[LinkFault]) -> type[LeasedFault]:
    """The body that makes a fault: its lease, and each of its settings with its limits and default."""
    hints, defaults = get_type_hints(fault, include_extras=True), vars(fault)
    settings: dict[str, Any] = {"kind": (Literal[fault.kind], ...)}
    settings |= {
        name: (
            Annotated[hints[name], Whole] if get_args(hints[name])[0] is int else hints[name],
            defaults.get(name, ...),
        )
        for name in setting_names(fault)
    }
    shape = create_model(
        f"{fault.__name__}Link",
        __base__=LeasedFault,
        __module__=__name__,
        __doc__=fault.__doc__,
        **settings,
    )
    if fault.kind in _EXAMPLES:
        shape.model_config["json_schema_extra"] = {"examples": [_EXAMPLES[fault.kind]]}
    return shape


if TYPE_CHECKING:  # what is computed is no type to a type checker
    AnyLinkFault = LeasedFault
    Kind = str
else:
    AnyLinkFault = Annotated[Union[tuple(map(_shape, FAULTS))], Field(discriminator="kind")]  # noqa: UP007  # a | cannot be made of a tuple
    Kind = Literal[ORDER]


class FullDisk(Body):
    """The database may grow to `max_bytes`, or to what it has if that is more; 0 is a disk full by now."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"max_bytes": 0, "lease_seconds": 60}]})

    max_bytes: Annotated[int, Field(ge=0, le=2**43), Whole]
    lease_seconds: LeaseSeconds


class ActiveLinkFault(Answer):
    """A fault of the calls to `peer`; its own settings stand beside these. `calls` met it, `hits` of them it
    did not leave alone."""

    model_config = ConfigDict(
        extra="allow",
        json_schema_extra={
            "examples": [
                {
                    "peer": "filial-sul",
                    "kind": "slow",
                    "seed": 1,
                    "lease_seconds": 600.0,
                    "seconds_left": 541.5,
                    "calls": 120,
                    "hits": 120,
                    "delay_seconds": 0.5,
                    "jitter_seconds": 0.1,
                }
            ]
        },
    )

    peer: str
    kind: Kind
    seed: int
    lease_seconds: float
    seconds_left: float
    calls: int
    hits: int

    @classmethod
    def of(cls, active: fault_service.ActiveLinkFault) -> Self:
        """What clients see of a link's fault."""
        counts = {name: getattr(active, name) for name in cls.model_fields if name != "kind"}
        return cls.model_validate({"kind": active.fault.kind, **counts, **settings_of(active.fault)})


class ActiveFullDisk(Answer):
    """A full disk."""

    model_config = shows({"max_bytes": 0, "lease_seconds": 60.0, "seconds_left": 41.5})

    max_bytes: int
    lease_seconds: float
    seconds_left: float


class SkewedClock(Body):
    """The node's wall clock is shifted by so many seconds, ahead or (negative) behind."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"offset_seconds": 600, "lease_seconds": 60}]})

    offset_seconds: Annotated[float, Field(ge=-86400, le=86400)]
    lease_seconds: LeaseSeconds


class SmallBatch(Body):
    """A batch holds so many events at most, and those of one command more."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"events": 1, "lease_seconds": 60}]})

    events: Annotated[int, Field(ge=1, le=500), Whole]
    lease_seconds: LeaseSeconds


class ActiveKnob(Answer):
    """A clock that is shifted by `value` seconds, or batches of `value` events."""

    model_config = shows({"value": 600.0, "lease_seconds": 1800.0, "seconds_left": 1741.5})

    value: float
    lease_seconds: float
    seconds_left: float


class Forgery(Body):
    """What to send a peer, and how often: `repeated` events that it has, a `replayed` request with its token,
    a `tampered` body, events `forged` under another secret, a `stale-token`."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"kind": "tampered", "times": 5}]})

    kind: ForgeryKind
    times: Annotated[int, Field(ge=1, le=20), Whole] = 1


class ForgedAnswer(Answer):
    """How often the peer answered so: `duplicate` (200) for events that it had, else why it refused."""

    model_config = shows({"status": 401, "cause": "other_body", "count": 5})

    status: int | None
    cause: str
    count: int


class Forged(Answer):
    """The peer's answers. None were sent where the peer took no batch of this node yet."""

    model_config = shows({"sent": 5, "answers": [{"status": 401, "cause": "other_body", "count": 5}]})

    sent: int
    answers: list[ForgedAnswer]

    @classmethod
    def of(cls, answers: Sequence[forgery.Forged]) -> Self:
        """What clients see of a peer's answers, each kind of answer once."""
        counted = [
            ForgedAnswer(status=one.status, cause=one.cause, count=count)
            for one, count in Counter(answers).items()
        ]
        return cls(sent=len(answers), answers=counted)


class Faults(Answer):
    """This node's active faults."""

    links: list[ActiveLinkFault]
    disk: ActiveFullDisk | None
    clock: ActiveKnob | None
    batch: ActiveKnob | None

    @classmethod
    def of(cls, active: fault_service.ActiveFaults) -> Self:
        """What clients see of a node's faults."""
        disk = None if active.disk is None else ActiveFullDisk.model_validate(active.disk)
        clock, batch = (
            None if knob is None else ActiveKnob.model_validate(knob) for knob in (active.clock, active.batch)
        )
        links = [ActiveLinkFault.of(link) for link in active.links]
        return cls(links=links, disk=disk, clock=clock, batch=batch)


class Probed(Answer):
    """How one harmless call fared: whether the peer answered at all, after how long, else what failed."""

    model_config = shows({"answered": False, "seconds": 2.004, "error": "ReadTimeout"})

    answered: bool
    seconds: float
    error: str | None


class DiskProbed(Answer):
    """Whether a write that needs room was refused for want of it."""

    model_config = shows({"refused": True})

    refused: bool
