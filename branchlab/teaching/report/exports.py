"""A run log in the forms of other tools: ShiViz (who knew what when), Jepsen (a history), CSV (series)."""

import csv
import io
import json
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from branchlab.checking.runlog import Record
from branchlab.checking.timeline.happened import happenings
from branchlab.checking.timeline.timeline import timeline_of

SHIVIZ_PATTERN = r'(?<host>[\w-]+) "(?<event>.*)" (?<clock>\{.*\})'
"""What ShiViz is to read the lines by: its box for the parser's regular expression."""

_END = {"op.ok": "ok", "op.fail": "fail", "op.info": "info"}


def shiviz(records: Iterable[Record]) -> Iterator[str]:
    """`host "event" {clock}`, one line for each thing that happened at a node."""
    for one in happenings(records):
        clock = json.dumps(dict(sorted(one.clock.items())), separators=(",", ":"))
        yield f'{one.node} "{one.words}" {clock}'


def jepsen(records: Iterable[Record]) -> Iterator[str]:
    """A history in EDN: one map for each invocation and completion, and for each fault as the nemesis."""
    asked: dict[int, Record] = {}
    index = 0
    for record in records:
        kind = record["kind"]
        entry: list[tuple[str, Any]] | None = None
        if kind == "op.invoke":
            asked[record["op"]] = record
            entry = _operation(record, "invoke", record["request"])
        elif kind in _END and record["op"] in asked:
            invoked = asked[record["op"]]
            entry = _operation(invoked, _END[kind], _value(record))
        elif kind == "fault.requested":
            entry = _nemesis("info", record["fault"], record["target"])
        elif kind == "fault.healed":
            entry = _nemesis("info", "heal", record["id"])
        if entry is not None:
            head = [("index", index), ("time", record["at_ns"])]
            yield "{" + ", ".join(f":{name} {_edn(value)}" for name, value in [*head, *entry]) + "}"
            index += 1


def _operation(record: Record, kind: str, value: Any) -> list[tuple[str, Any]]:
    return [
        ("type", _Keyword(kind)),
        ("process", record["op"]),
        ("node", record["node"]),
        ("f", _Keyword(record["action"])),
        ("value", value),
    ]


def _nemesis(kind: str, fault: str, value: Any) -> list[tuple[str, Any]]:
    return [
        ("type", _Keyword(kind)),
        ("process", _Keyword("nemesis")),
        ("f", _Keyword(fault)),
        ("value", value),
    ]


def _value(record: Record) -> Any:
    if record["kind"] == "op.ok":
        return record["response"]
    return f"{record['status']} {record['code']}" if record["kind"] == "op.fail" else record["reason"]


class _Keyword(str):
    """A word that EDN writes as `:word`."""


def _edn(value: Any) -> str:
    if isinstance(value, _Keyword):
        return f":{re.sub(r'[^A-Za-z0-9.*+!?_-]', '-', value)}"
    if value is None:
        return "nil"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_edn(str(name))} {_edn(one)}" for name, one in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + " ".join(map(_edn, value)) + "]"
    return json.dumps(value, ensure_ascii=False)


def table(records: Sequence[Record]) -> str:
    """CSV, a row for each change of each series: seconds, series, node, peer, value (empty: unknown)."""
    timeline = timeline_of(records)
    rows: list[tuple[float, str, str, str, Any]] = []
    for (sender, receiver), series in timeline.pending.items():
        rows += [(point.at, "pending", sender, receiver, point.value) for point in series.points]
    for name, each in (("stock", timeline.stock), ("rights", timeline.rights)):
        for node, series in each.items():
            rows += [(point.at, name, node, "", point.value) for point in series.points]
    for name, series in timeline.lag.items():
        rows += [(point.at, f"lag_{name}", "", "", point.value) for point in series.points]
    for second, one in timeline.seconds.items():
        rows += [(float(second), f"orders_{name}", "", "", count) for name, count in one.outcomes.items()]
    for band in timeline.bands:
        for moment, what in ((band.requested, "requested"), (band.active, "active"), (band.healed, "healed")):
            if moment is not None:
                rows.append((moment, f"fault_{what}", band.target, "", band.fault))
    written = io.StringIO()
    writer = csv.writer(written, lineterminator="\n")
    writer.writerow(("seconds", "series", "node", "peer", "value"))
    for at, name, node, peer, value in sorted(rows, key=lambda row: (row[0], row[1], row[2], row[3])):
        writer.writerow((f"{at:.3f}", name, node, peer, "" if value is None else value))
    return written.getvalue()
