"""Shows what `make bench` measured, and writes it down: build/bench.json, charts, and the page in docs/."""

import json
import platform
import re
import subprocess
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from statistics import median

import psutil
from rich.table import Table

from branchlab import settings
from branchlab.console import out
from loadtests.bench import bars
from loadtests.bench.notes import Notes
from loadtests.bench.ratios import BY_NAME, RATIOS, Spread, as_json, read

JSON = settings.ROOT / "build" / "bench.json"
SOAK = settings.ROOT / "build" / "bench-soak.json"
PAGE = settings.ROOT / "docs" / "performance.md"
RECORDED = settings.ROOT / "docs" / "performance" / "recorded.json"
_BEGIN, _END = "<!-- recorded: begin -->", "<!-- recorded: end -->"
_CHARTS = {
    "throughput": ("orders/s", "orders a second (median, least and most)"),
    "latency": ("orders p99 ms", "p99 of an order in ms, 64 connections"),
    "drain": ("drained orders/s", "orders a second that a peer takes from a backlog"),
}


def machine() -> dict[str, str | int]:
    """What the figures depend on."""
    return {
        "processor": _processor(),
        "cores": len(psutil.Process().cpu_affinity()) if hasattr(psutil.Process, "cpu_affinity") else 1,
        "memory_gib": round(psutil.virtual_memory().total / (1 << 30)),
        "system": platform.system(),
        "python": platform.python_version(),
        "date": datetime.now(UTC).date().isoformat(),
        "commit": _commit(),
    }


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    text = info.read_text("utf-8", errors="replace") if info.is_file() else ""
    match = re.search(r"^model name\s*:\s*(.+)$", text, re.MULTILINE)
    return match[1] if match else platform.machine()


def _commit() -> str:
    done = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"],
        cwd=settings.ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stdout.strip() or "none"


def quick(notes: Notes) -> None:
    """The ratios beside the recorded ones, and what they are of; judges nothing."""
    kept = read(RECORDED)
    for name, values in notes.ratios.items():
        now = Spread.of(values)
        before = f"{kept[name].median:.2f}" if name in kept else "none"
        span = f"({now.min:.2f} to {now.max:.2f})"
        out.print(f"{name:8} {now.median:.2f} {span}, recorded {before}: {BY_NAME[name].what}")
    for what, rates in notes.figures["orders/s"].items():
        out.print(f"{what}: {median(rates):,.0f} orders/s")
    _show_remarks(notes)


def whole(notes: Notes, *, only: str | None, record: bool) -> None:
    """Tables of all figures; build/bench.json with the ratios. With `only` the others stay there as they
    were."""
    out.print(_ratios_table(notes.ratios))
    out.print(_figures_table(notes))
    _show_remarks(notes)
    found = as_json(notes.ratios, rounds=notes.rounds, machine=machine())
    if only is not None and JSON.is_file():
        found["ratios"] = {**json.loads(JSON.read_text("utf-8"))["ratios"], **found["ratios"]}
    JSON.parent.mkdir(exist_ok=True)
    JSON.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    out.print(f"written: {JSON}")
    charts = {
        name: bars.chart(title, notes.figures[key])
        for name, (key, title) in _CHARTS.items()
        if key in notes.figures
    }
    folder = RECORDED.parent if record else JSON.parent / "bench"
    folder.mkdir(parents=True, exist_ok=True)
    for name, svg in charts.items():
        (folder / f"{name}.svg").write_text(svg, encoding="utf-8")
    if record:
        RECORDED.write_text(JSON.read_text("utf-8"), encoding="utf-8")
        PAGE.write_text(with_recorded(PAGE.read_text("utf-8"), found), encoding="utf-8")
        out.print(f"recorded: {PAGE}")


def with_recorded(page: str, found: Mapping[str, object]) -> str:
    """The page with the table of these figures between its two marks."""
    before, _, rest = page.partition(_BEGIN)
    _, _, after = rest.partition(_END)
    return f"{before}{_BEGIN}\n{recorded_lines(found)}\n{_END}{after}"


def recorded_lines(found: Mapping[str, object]) -> str:
    """The figures as a table in Markdown, with the machine and the day, and the charts that are there."""
    ratios, here = found["ratios"], found["machine"]
    assert isinstance(ratios, dict), "as_json made it"
    assert isinstance(here, dict), "as_json made it"
    lines = [
        f"{here['date']}, commit {here['commit']}: {here['cores']} cores of {here['processor']},"
        f" {here['memory_gib']} GiB, {here['system']}, Python {here['python']}; {found['rounds']} rounds.",
        "",
        "| ratio | min / median / max | goal | |",
        "|---|---|---|---|",
    ]
    for ratio in RATIOS:
        if ratio.name in ratios:
            one = ratios[ratio.name]
            reached = "" if ratio.goal is None else "reached" if ratio.reached(one["median"]) else "missed"
            spread = f"{one['min']:.2f} / **{one['median']:.2f}** / {one['max']:.2f}"
            lines.append(f"| `{ratio.name}` | {spread} | {ratio.wish()} | {reached} |")
    for name, (_, title) in _CHARTS.items():
        if (RECORDED.parent / f"{name}.svg").is_file():
            lines += ["", f"![{title}](performance/{name}.svg)"]
    return "\n".join(lines)


def _ratios_table(ratios: Mapping[str, list[float]]) -> Table:
    table = Table(box=None, padding=(0, 1, 0, 0))
    for heading in ("ratio", "min", "median", "max", "goal", ""):
        table.add_column(heading, justify="left" if heading in ("ratio", "") else "right")
    for ratio in RATIOS:
        if ratio.name in ratios:
            one = Spread.of(ratios[ratio.name])
            numbers = (f"{one.min:.2f}", f"{one.median:.2f}", f"{one.max:.2f}")
            table.add_row(ratio.name, *numbers, ratio.wish(), ratio.what)
    return table


def _figures_table(notes: Notes) -> Table:
    table = Table(box=None, padding=(0, 1, 0, 0))
    for heading in ("measured", "", "min", "median", "max"):
        table.add_column(heading, justify="left" if heading in ("measured", "") else "right")
    for chart, figures in notes.figures.items():
        for what, values in figures.items():
            numbers = map(bars.written, (min(values), median(values), max(values)))
            table.add_row(chart, what, *numbers)
    return table


def _show_remarks(notes: Notes) -> None:
    for remark in notes.remarks:
        out.print(f"note: {remark}")
