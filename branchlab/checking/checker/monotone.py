"""What a node shows only grows, as long as it has its disk."""

from collections.abc import Iterator, Sequence

from branchlab.checking.checker.finding import Finding
from branchlab.checking.evidence import Evidence, Sample
from branchlab.language import deferred
from branchlab.nodes.contract import Stock
from branchlab.nodes.keys import same_key
from branchlab.nodes.settling import keeps_no_log

_GROWING = (
    *("received", "returned", "returned_frozen", "recovered"),
    *("written_off", "sold", "removed", "version"),
)
Known = dict[str, int]
"""The values that a node showed last, by a name in plain words."""


def check(evidence: Evidence) -> Iterator[Finding]:
    """Places where a later sample of a node, or its final read, shows less than an earlier one; and lives
    that ended although nothing had happened to their disks."""
    for node in evidence.nodes:
        samples = [sample for sample in evidence.samples if sample.node == node]
        yield from _falls(evidence, node, samples)


def was_looked_at(evidence: Evidence) -> bool | None:
    """Whether nodes were sampled; None when some were asked and never answered. Nodes without a log of events
    never say how far they are, so that nothing is looked at."""
    answers = [sample for sample in evidence.samples if sample.status is not None]
    asked = {sample.node for sample in evidence.samples}
    if asked - {sample.node for sample in answers}:
        return None
    return any(one.status is not None and not keeps_no_log(one.status) for one in answers)


def _falls(evidence: Evidence, node: str, samples: Sequence[Sample]) -> Iterator[Finding]:
    life, last = "", 0
    began: dict[str, int] = {}  # a disk that goes back may bring an ended life again, until that is noticed
    known: Known = {}
    events = evidence.disk_events.get(node, ())
    for sample in samples:
        if sample.status is None or (epoch := sample.status["epoch"]) is None:
            continue  # a node that cannot read its database says nothing of its life
        if epoch != life:
            if life and not any(began[life] < at < sample.at for at in events):
                words = deferred(
                    "{node} began another life, {epoch}, though nothing took its disk", node=node, epoch=epoch
                )
                yield Finding("monotone", words, doubts=("others",))
            life, known = epoch, {}
            began.setdefault(life, sample.at)
        elif any(last < at < sample.at for at in events):
            known = {}  # a disk that went back may not have been noticed yet
        last = sample.at
        heads: dict[str, int] = {
            deferred("the head of {of}", of=of): head for of, head in sample.status["heads"].items()
        }
        yield from _fallen(node, known, {**_unseen(known, "the head of "), **heads})
        if sample.stock:
            yield from _fallen(node, known, _counts(sample.stock))
    read = evidence.complete().get(node)
    if read is not None and not any(at > last for at in events):
        yield from _fallen(node, known, _counts(list(read.stock.values())))


def _fallen(node: str, known: Known, now: Known) -> Iterator[Finding]:
    """Compares with the values shown before, and stores the new ones."""
    for name, value in now.items():
        if value < known.get(name, 0):
            yield Finding(
                "monotone",
                deferred(
                    "at {node} {name} fell from {known} to {value}",
                    node=node,
                    name=name,
                    known=known[name],
                    value=value,
                ),
            )
        known[name] = value


def _unseen(known: Known, of: str) -> Known:
    """A value that is no longer shown counts as 0."""
    return dict.fromkeys((name for name in known if name.startswith(of)), 0)


def _counts(stock: Sequence[Stock]) -> Known:
    """The counts that must not fall. What a donor told of a silent branch may go back to that branch's own,
    older word for a moment."""
    counts: dict[str, int] = {}
    for product in stock:
        told = product.get("hearsay", ())  # logs of earlier versions do not name it
        for row in product["rows"]:
            if f"{row['branch']}@{row['epoch']}" in told:
                continue
            where = deferred(
                "of {same_key} in the row of {branch}@{epoch}",
                same_key=same_key(product["sku"]),
                branch=row["branch"],
                epoch=row["epoch"],
            )
            values: dict[str, int] = {name: int(row[name]) for name in _GROWING}  # type: ignore[literal-required]  # _GROWING has keys of it alone
            values |= {
                deferred("granted to {life}", life=life): units for life, units in row["granted"].items()
            }
            counts.update(
                {
                    deferred("`{name}` {where}", name=name, where=where): value
                    for name, value in values.items()
                }
            )
    return counts
