"""Makes the report's page out of run logs alone: the same logs give the same bytes."""

from collections.abc import Mapping, Sequence
from typing import Any

from markupsafe import Markup, escape

from branchlab.checking.runlog import Record
from branchlab.checking.timeline.happened import Happening, happenings
from branchlab.checking.timeline.model import Band, Link
from branchlab.checking.timeline.series import Series
from branchlab.checking.timeline.timeline import Timeline, timeline_of
from branchlab.checking.timeline.words import FAULTS
from branchlab.checking.verdict import Verdict
from branchlab.language import Language, localised
from branchlab.teaching.lesson.comparing import KINDS, named_words
from branchlab.teaching.lesson.facts import fact_words
from branchlab.teaching.lesson.words import WORDS
from branchlab.teaching.report import svg
from branchlab.teaching.report.templates import template
from branchlab.teaching.report.twins import policy, table, twins_of
from branchlab.teaching.report.words import ENVIRONMENT, OUTCOMES, PROMISES, TEXTS, both

_MOST_STORY, _MOST_LINKS, _MOST_HAPPENINGS = 80, 6, 200
_MOST_PROBLEMS = 10
_BEFORE, _AFTER = 4.0, 8.0  # seconds of the diagram, around what it is about


def page(runs: Sequence[tuple[Sequence[Record], Verdict]], language: Language) -> str:
    """The page over these runs, which opens in that language."""
    pt, en = both(TEXTS, "title")
    told = [(records, timeline_of(records)) for records, _ in runs]
    twins = {place: _side_by_side(one) for place, one in twins_of(told).items()}
    return template("report.html.j2").render(
        language=language,
        titles={"pt-BR": pt, "en": en},
        both=lambda name: _both(*both(TEXTS, name)),
        runs=[
            {**_run(records, timeline, verdict), "twins": twins.get(place)}
            for place, ((records, timeline), (_, verdict)) in enumerate(zip(told, runs, strict=True))
        ],
    )


_LANGUAGES: Sequence[Language] = ("pt-BR", "en")


def _both(pt: object, en: object) -> Markup:
    """A text in both languages, of which the page shows one; once where they are alike."""
    if str(pt) == str(en):
        return escape(str(pt))
    return Markup('<span lang="pt-BR">{}</span><span lang="en">{}</span>').format(str(pt), str(en))


def _run(records: Sequence[Record], timeline: Timeline, verdict: Verdict) -> dict[str, Any]:
    told = {record["kind"]: record for record in records if record["kind"].startswith("lesson.")}
    happened = happenings(records)
    window = _window(records, verdict, timeline, happened)
    return {
        "title": _title(records[0], told.get("lesson.title")),
        "hypothesis": _said(told.get("lesson.hypothesis")),
        "explain": _said(told.get("lesson.explain")),
        "predictions": _predictions(records),
        "expects": [_expect(record) for record in records if record["kind"] == "expect"],
        "gone": [_gone(record) for record in records if record["kind"] == "lesson.gone"],
        "result": verdict.result,
        "promises": _promises(verdict),
        "open": verdict.unproven[:_MOST_PROBLEMS],
        "charts": _charts(timeline, _drawn(timeline)),
        "faults": [_fault(band) for band in timeline.bands],
        "space_time": Markup(  # noqa: S704 (our own SVG, whose texts are escaped)
            svg.space_time(happened, list(timeline.nodes), window, title="space-time")
        ),
        "story": [
            _both(*(f"{line.at:.1f} s · {line.said(language)}" for language in _LANGUAGES))
            for line in timeline.story[:_MOST_STORY]
        ],
        "environment": _environment(records, timeline),
    }


def _side_by_side(timelines: Sequence[Timeline]) -> dict[str, Any]:
    """The plays of one scenario under several policies: a table, and their stock on one time and scale."""
    end = max(one.now for one in timelines)
    all_series = [series for one in timelines for series in one.stock.values()]
    span = [point.value for series in all_series for point in series.points if point.value is not None]
    charts = []
    for one in timelines:
        frame = svg.Frame(end, [(band, *_band_words(band)) for band in one.bands])
        lines = [svg.Line(node, series) for node, series in one.stock.items()]
        chart = svg.lines_chart(frame, lines, title=TEXTS["en"]["stock"], span=span)
        shown = Markup(chart)  # noqa: S704 (our own SVG, whose texts are escaped)
        charts.append({"policy": policy(one.policy, _both), "svg": shown})
    return {**table(timelines, _both), "charts": charts}


def _title(start: Record, title: Record | None) -> Markup:
    if title is None:
        return escape(str(start["what"]))
    policy = f" ({start['policy']})" if start["policy"] != "escrow" else ""
    number = str(start["what"])[:2].upper()
    return _both(*(f"{number} · {title[language]}{policy}" for language in _LANGUAGES))


def _said(record: Record | None) -> Markup | None:
    return None if record is None else _both(record["pt-BR"], record["en"])


def _predictions(records: Sequence[Record]) -> list[dict[str, Any]]:
    results = {record["number"]: record for record in records if record["kind"] == "prediction.result"}
    rows = []
    for record in records:
        if record["kind"] != "prediction":
            continue
        result = results.get(record["number"], {})
        question = _both(record["question"]["pt-BR"], record["question"]["en"])
        if record["of"] == "choice":
            votes = record["votes"]
            right = sum(vote == result.get("answer") for vote in votes)
            said = f"{right} / {len(votes)}" if votes else "—"
            rows.append({"question": question, "predicted": said, "theory": "—", "observed": "—"})
            continue
        pt, en = (WORDS[language].unit(record["unit"]) for language in _LANGUAGES)
        observed = result.get("observed")
        rows.append(
            {
                "question": question,
                "predicted": _with_error(result.get("predicted"), result.get("class_error")),
                "theory": _with_error(result.get("theory"), result.get("theory_error")),
                "observed": "—" if observed is None else _both(f"{_pt(observed)} {pt}", f"{observed:g} {en}"),
            }
        )
    return rows


def _with_error(value: float | None, error: float | None) -> Markup | str:
    if value is None:
        return "—"
    if error is None:
        return _both(_pt(value), f"{value:g}")
    pt, en = both(TEXTS, "error")
    return _both(f"{_pt(value)} ({pt.lower()} {_pt(error)}%)", f"{value:g} ({en.lower()} {error:g}%)")


def _pt(value: float) -> str:
    """A number as Portuguese writes it."""
    return localised(f"{value:g}", "pt-BR")


def _expect(record: Record) -> dict[str, Any]:
    return {
        "mark": KINDS[record["holds"]],
        "that": _both(*(fact_words(record["that"], one) for one in _LANGUAGES)),
        "observed": str(record["observed"])[:12],
        "expected": _both(*(WORDS[one].expected(record["expected"]) for one in _LANGUAGES)),
    }


def _gone(record: Record) -> Markup:
    return _both(*(named_words(("gone", record["orders"]), one) for one in _LANGUAGES))


def _promises(verdict: Verdict) -> list[dict[str, Any]]:
    rows = []
    for name, result in verdict.promises.items():
        problems = [finding.words for finding in verdict.findings if finding.promise == name]
        rows.append(
            {
                "name": name,
                "result": result or "",
                "word": result or _both(*both(TEXTS, "untested")),
                "meaning": _both(*both(PROMISES, name)),
                "problems": problems[:_MOST_PROBLEMS],
            }
        )
    return rows


def _drawn(timeline: Timeline) -> list[svg.Line]:
    """The lines of theory and class beside the pending events that they are about, as in the control room."""
    told = timeline.lesson.lines() if timeline.lesson is not None else ()
    names = {"theory": "teoria/theory", "class": "turma/class"}
    return [svg.Line(names[one.of], drawn=one.points) for one in told]


def _charts(timeline: Timeline, drawn_lines: Sequence[svg.Line]) -> list[dict[str, Any]]:
    frame = svg.Frame(timeline.now, [(band, *_band_words(band)) for band in timeline.bands])
    pending = sorted(timeline.pending.items(), key=lambda one: (-_highest(one[1]), one[0]))
    lines = [svg.Line(f"{_short(link)}", series) for link, series in pending[:_MOST_LINKS]]
    stock = [svg.Line(node, series) for node, series in timeline.stock.items()]
    lag = [svg.Line(name, series) for name, series in timeline.lag.items()]
    drawn = {
        "pending": svg.lines_chart(frame, [*lines, *drawn_lines], title=TEXTS["en"]["pending"]),
        "orders": svg.bars_chart(frame, timeline.seconds, title=TEXTS["en"]["orders"], labels=OUTCOMES),
        "stock": svg.lines_chart(frame, stock, title=TEXTS["en"]["stock"]),
        "lag": svg.lines_chart(frame, lag, title=TEXTS["en"]["lag"]),
    }
    return [
        {"name": name, "svg": Markup(chart)}  # noqa: S704 (our own SVG, whose texts are escaped)
        for name, chart in drawn.items()
    ]


def _highest(series: Series) -> float:
    return max((point.value for point in series.points if point.value is not None), default=0.0)


def _short(link: Link) -> str:
    return "→".join(name.removeprefix("filial-") for name in link)


def _band_words(band: Band) -> tuple[str, str]:
    pt, en = (FAULTS[language].get(band.fault, band.fault) for language in _LANGUAGES)
    return f"{band.target} {pt}", f"{band.target} {en}"


def _fault(band: Band) -> dict[str, Any]:
    words = _both(*_band_words(band))
    if band.healed is None:
        ends = both(TEXTS, "open")
        return {"words": words, "span": _both(*(f"{band.requested:.1f} – {end}" for end in ends))}
    return {"words": words, "span": f"{band.requested:.1f} – {band.healed:.1f}"}


def _window(
    records: Sequence[Record], verdict: Verdict, timeline: Timeline, happened: Sequence[Happening]
) -> tuple[float, float]:
    """The seconds that the diagram shows: around the first order that a broken promise names, else around the
    end of the first fault, else from the first order on. Fewer where too much happened in them."""
    about = _of_a_finding(records, verdict)
    if about is None:
        ended = [band.healed for band in timeline.bands if band.healed is not None]
        first = next((one.at for one in happened if one.what == "order"), 0.0)
        about = min(ended) if ended else first + _BEFORE
    left, right = max(0.0, about - _BEFORE), min(timeline.now, about + _AFTER)
    while sum(left <= one.at <= right for one in happened) > _MOST_HAPPENINGS:
        left, right = about - (about - left) / 2, about + (right - about) / 2
    return round(left, 3), round(max(right, left + 0.001), 3)


def _of_a_finding(records: Sequence[Record], verdict: Verdict) -> float | None:
    """When the first order that a finding names was acknowledged."""
    words = " ".join(finding.words for finding in verdict.findings)
    for record in records:
        if record["kind"] == "op.ok" and isinstance(order := record["response"], Mapping) and words:
            names = [str(order[name]) for name in ("id", "number") if order.get(name)]
            if any(name in words for name in names):
                return float(record["at_ns"]) / 1e9
    return None


def _environment(records: Sequence[Record], timeline: Timeline) -> list[tuple[Markup, str]]:
    start = records[0]
    versions = {
        record["status"]["sqlite"]
        for record in records
        if record["kind"] == "sample" and record["status"] and "sqlite" in record["status"]
    }
    facts: Mapping[str, object] = {
        "run": start["run"],
        "began": start.get("wall", ""),
        "driver": start["driver"],
        "policy": start["policy"],
        "seed": start["seed"],
        "nodes": ", ".join(start["nodes"]),
        "sqlite": ", ".join(sorted(versions)),
        "records": len(records),
        "seconds": f"{timeline.now:.1f}",
    }
    return [(_both(*both(ENVIRONMENT, name)), str(value)) for name, value in facts.items()]
