"""What a node shows only grows, as long as it has its disk."""

from collections.abc import Iterator, Sequence

from lab.checking.checker.finding import Finding
from lab.checking.evidence import Evidence, Sample
from lab.nodes.contract import Stock
from lab.nodes.keys import same_key

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
        for words in _falls(evidence, node, samples):
            yield Finding("monotone", words)


def was_looked_at(evidence: Evidence) -> bool | None:
    """Whether nodes were sampled; None when some were asked and never answered."""
    answered = {sample.node for sample in evidence.samples if sample.status is not None}
    asked = {sample.node for sample in evidence.samples}
    return None if asked - answered else bool(asked)


def _falls(evidence: Evidence, node: str, samples: Sequence[Sample]) -> Iterator[str]:
    life, last = "", 0
    began: dict[str, int] = {}  # a disk that goes back may bring an ended life again, until that is noticed
    known: Known = {}
    events = evidence.disk_events.get(node, ())
    for sample in samples:
        if sample.status is None or (epoch := sample.status["epoch"]) is None:
            continue  # a node that cannot read its database says nothing of its life
        if epoch != life:
            if life and not any(began[life] < at < sample.at for at in events):
                yield f"{node} began another life, {epoch}, though nothing took its disk"
            life, known = epoch, {}
            began.setdefault(life, sample.at)
        elif any(last < at < sample.at for at in events):
            known = {}  # a disk that went back may not have been noticed yet
        last = sample.at
        heads = {f"the head of {of}": head for of, head in sample.status["heads"].items()}
        yield from _fallen(node, known, {**_unseen(known, "the head of "), **heads})
        if sample.stock:
            yield from _fallen(node, known, _counts(sample.stock))
    read = evidence.complete().get(node)
    if read is not None and not any(at > last for at in events):
        yield from _fallen(node, known, _counts(list(read.stock.values())))


def _fallen(node: str, known: Known, now: Known) -> Iterator[str]:
    """Compares with the values shown before, and stores the new ones."""
    for name, value in now.items():
        if value < known.get(name, 0):
            yield f"at {node} {name} fell from {known[name]} to {value}"
        known[name] = value


def _unseen(known: Known, of: str) -> Known:
    """A value that is no longer shown counts as 0."""
    return dict.fromkeys((name for name in known if name.startswith(of)), 0)


def _counts(stock: Sequence[Stock]) -> Known:
    counts = {}
    for product in stock:
        for row in product["rows"]:
            where = f"of {same_key(product['sku'])} in the row of {row['branch']}@{row['epoch']}"
            values: dict[str, int] = {name: int(row[name]) for name in _GROWING}  # type: ignore[literal-required]
            values |= {f"granted to {life}": units for life, units in row["granted"].items()}
            counts.update({f"`{name}` {where}": value for name, value in values.items()})
    return counts
