"""The report's page and the exports, from records made by hand: whole, the same every time, and true."""

import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from branchlab.checking.runlog import Record
from branchlab.checking.timeline.happened import happenings
from branchlab.checking.verdict import judge
from branchlab.errors import LabError
from branchlab.nodes.contract import Status
from branchlab.teaching.report import exports
from branchlab.teaching.report.command import MOST_BYTES, write_report
from branchlab.teaching.report.page import page
from branchlab.tests import readings
from branchlab.tests.run_records import make_order
from branchlab.tests.timelines import NAMES, Told


def heads(node: str, **known: int) -> Status:
    """A node's status, with the heads it shows."""
    said = readings.status(node, [peer for peer in NAMES if peer != node])
    said["heads"] = {f"{name.replace('_', '-')}@e1": head for name, head in known.items()}
    return said


def told_run() -> list[Record]:
    """A branch is stopped while matriz sells one order, which then arrives; and a class predicted it."""
    told = Told()
    told.records[0] = {**told.records[0], "seed": 1, "driver": "process", "format": 1}
    both = {"pt-BR": "Quantos?", "en": "How many <b>?"}
    told.add(0.1, "lesson.title", **{"pt-BR": "Uma filial para", "en": "A branch stops"})
    told.add(
        0.1,
        "prediction",
        number=0,
        of="curve",
        question=both,
        unit="events",
        observe="outage.pending.matriz.filial-sul",
        votes=[1],
    )
    for node in NAMES:
        told.sample(0.5, node, heads(node, matriz=0))
    told.add(0.9, "lesson.step", number=1, of=2, step="sell", name="outage")
    link = {"sender": "matriz", "receiver": "filial-sul"}
    told.add(0.9, "lesson.theory", step="outage", **link, start=0, per_second=0.4, seconds=6.1)
    told.add(1.0, "fault.requested", id=1, fault="stop", target="filial-sul")
    told.add(1.2, "fault.active", id=1)
    told.order(2.0, 1, "ok", response=make_order(1))
    told.order(2.5, 2, "fail", status=409, code="out_of_stock", problem={})
    told.sample(3.0, "filial-norte", heads("filial-norte", matriz=2))
    told.sample(3.5, "matriz", heads("matriz", matriz=2))
    owing = heads("matriz", matriz=2)
    owing["pending"]["filial-sul"] = 2
    told.sample(4.0, "matriz", owing)
    told.sample(5.0, "filial-sul", None)
    told.add(7.0, "lesson.step", number=2, of=2, step="drain", name=None)
    told.add(8.0, "fault.healed", id=1)
    told.sample(9.0, "filial-sul", heads("filial-sul", matriz=2))
    told.add(9.5, "expect", that="outage.ok", expected="1", observed=1, holds=True)
    result = {"predicted": 1, "theory": 2.0, "observed": 2, "class_error": 50.0, "theory_error": 0.0}
    told.add(9.6, "prediction.result", number=0, unit="events", **result)
    return told.records


class Page(HTMLParser):
    """What a browser would fetch, and how often each element is there."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.fetched: list[str] = []
        self.counts: dict[str, int] = {}
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.counts[tag] = self.counts.get(tag, 0) + 1
        values = dict(attrs)
        self.fetched += [str(values[name]) for name in ("src", "href") if values.get(name)]


def rendered(records: list[Record], language: Any = "en") -> str:
    return page([(records, judge(records))], language)


def test_the_page_fetches_nothing_and_has_all_its_parts() -> None:
    text = rendered(told_run())
    found = Page(text)
    assert [one for one in found.fetched if not one.startswith("#")] == []
    assert "http://" not in text.replace("http://www.w3.org", "")
    assert found.counts["svg"] == 1 + 4 + 1  # the hatching, four charts, space and time
    assert found.counts["script"] == 1
    assert "How many &lt;b&gt;?" in text
    assert "teoria/theory" in text


def test_the_same_records_give_the_same_bytes() -> None:
    assert rendered(told_run()) == rendered(told_run())


def test_every_text_is_there_in_both_languages_and_one_of_them_is_shown() -> None:
    text = rendered(told_run(), "pt-BR")
    assert text.count('<span lang="pt-BR">') == text.count('<span lang="en">') > 20
    assert '<html lang="pt-BR" data-lang="pt-BR">' in text
    assert "2 eventos" in text
    assert "2 events" in text


def test_a_broken_promise_stands_beside_its_counter_example() -> None:
    records = told_run()
    order, done = make_order(1), {"orders": 0, "stock": 0}
    for node in NAMES:  # nobody has the order that was acknowledged
        for phase in ("before", "final"):
            records.append({"kind": "read.done", "at_ns": 10**10, "node": node, "phase": phase, **done})
    text = rendered(records)
    assert 'class="FAIL"' in text
    assert "Counter-example" in text
    assert order["id"] in text or order["number"] in text
    assert "<title>2.00 s matriz: vendeu" in text  # the diagram shows the moment that it is about


def played(policy: str, sold: int, *, short: list[str]) -> list[Record]:
    """A play of a scenario that is played under two policies."""
    told = Told()
    told.records[0] = {**told_run()[0], "what": "s4-cable-cut", "policy": policy}
    both = {"pt-BR": "os dois vendem", "en": "both sell"}
    told.add(1, "lesson.title", **both)
    told.add(2, "lesson.step", number=3, of=10, step="both sell", name="both", **both)
    told.add(3, "expect", that="both.ok", expected=str(sold), observed=sold, holds=True)
    if short:
        told.add(3, "lesson.short", step="both", orders=short)
    return told.records


def test_two_policies_stand_side_by_side_after_the_second_of_them() -> None:
    runs = [played("optimistic", 16, short=["NORTE-3"]), played("escrow", 10, short=[]), told_run()]
    text = page([(records, judge(records)) for records in runs], "en")
    assert text.count('<table class="twins">') == 1
    found = text.partition('<table class="twins">')[2].partition("</table>")[0]
    assert '<td class="PASS">16</td><td class="PASS">10</td>' in found
    for part in ("without rights (optimistic)", "com cota (escrow)", "3/10 both sell"):
        assert part in found, part
    assert "Apologise for: NORTE-3" in found
    assert "twins" not in rendered(runs[0]).partition("<main>")[2]


def test_orders_that_went_with_a_disk_are_named() -> None:
    records = [
        *told_run(),
        {"kind": "lesson.gone", "at_ns": 10**10, "step": "rebuilt", "orders": ["NORTE-21"]},
    ]
    text = rendered(records)
    assert "Gone with the disk: NORTE-21" in text
    assert "Perdidos com o disco: NORTE-21" in text


def test_a_report_is_written_over_run_logs_and_stays_small(tmp_path: Path) -> None:
    log = tmp_path / "run.jsonl"
    log.write_text("".join(json.dumps(record) + "\n" for record in told_run()), "utf-8")
    size = write_report([log] * 10, tmp_path / "out" / "report.html", "en")
    assert 0 < size < MOST_BYTES
    with pytest.raises(LabError):
        write_report([tmp_path / "none.jsonl"], tmp_path / "report.html", "en")


def test_what_is_received_comes_after_what_was_written_and_knows_of_it() -> None:
    happened = happenings(told_run())
    received = [one for one in happened if one.what == "received"]
    assert [(one.node, one.words) for one in received] == [
        ("filial-norte", "received matriz 1–2"),
        ("filial-sul", "received matriz 1–2"),
    ]
    for place, one in enumerate(happened):
        if one.cause is not None:
            assert one.cause < place
            assert one.clock["matriz"] >= happened[one.cause].clock["matriz"]


def test_shiviz_reads_every_line_and_each_host_counts_its_own_by_one() -> None:
    pattern = re.compile(exports.SHIVIZ_PATTERN.replace("(?<", "(?P<"))
    counts: dict[str, int] = {}
    lines = list(exports.shiviz(told_run()))
    for line in lines:
        match = pattern.fullmatch(line)
        assert match is not None, line
        host = match["host"]
        counts[host] = counts.get(host, 0) + 1
        assert json.loads(match["clock"])[host] == counts[host]
    assert len(lines) > 4


def test_a_jepsen_history_has_an_entry_for_each_invocation_completion_and_fault() -> None:
    lines = list(exports.jepsen(told_run()))
    assert [re.findall(r":type (:\w+)", line)[0] for line in lines] == [
        ":info", ":invoke", ":ok", ":invoke", ":fail", ":info",
    ]  # fmt: skip
    assert lines[0].startswith("{:index 0, :time 1000000000, :type :info, :process :nemesis, :f :stop")


def test_csv_has_a_row_for_each_change_and_leaves_out_what_nobody_knows() -> None:
    rows = [row.split(",") for row in exports.table(told_run()).splitlines()]
    assert rows[0] == ["seconds", "series", "node", "peer", "value"]
    assert ["4.000", "pending", "matriz", "filial-sul", "2"] in rows
    assert ["5.000", "pending", "filial-sul", "matriz", ""] in rows
    assert ["8.000", "fault_healed", "filial-sul", "", "stop"] in rows
