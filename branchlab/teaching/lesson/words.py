"""The lesson's texts, in the language of whoever reads them."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from branchlab.language import LANGUAGES, Language, localised, tables
from branchlab.teaching.lesson import model

LEAST_SECONDS = 1.0
"""Of a sale by time, also in a fast lesson."""

_TEXTS = tables(
    {
        "hypothesis": "Hypothesis",
        "question": "Prediction",
        "no_number": "that is no answer; try again",
        "met": "{met} of {all} expectations met",
        "explain": "Why",
        "choice": "the right answer: {right} ({votes} of {all} votes)",
        "observed": "observed {value} {unit}",
        "theory": "theory {value}",
        "class": "class {value}",
        "report": "report of the lesson: {path}",
        "minutes": "min",
    }
)
_PROMPTS = tables(
    {
        "number": "how many? (Enter: no prediction) ",
        "curve": "how many at the end? (Enter: no prediction) ",
        "choice": "which? (Enter: no prediction) ",
    }
)
_UNITS = tables(
    {
        "": "",
        "events": "events",
        "orders": "orders",
        "units": "units",
        "ms": "ms",
        "seconds": "s",
        "1 events": "event ## just one",
        "1 orders": "order ## just one",
        "1 units": "unit ## just one",
    }
)
STEPS = tables(
    {
        "stock": "{units} units of {stock} in stock",
        "sell_rate": "{at} sells: {rate}/s for {seconds} s",
        "sell_orders": "{at}: orders of {sell}: {orders}",
        "again": "the same order again, with the same key",
        "cancel": "the first order is cancelled",
        "stop": "{stop} stops",
        "pause": "{pause} freezes",
        "start": "{start} comes back",
        "resume": "{resume} goes on",
        "wipe": "{wipe} loses its disk, and the links come back",
        "cut": "the cable {cut} is cut",
        "slow": "the link {slow} gets {ms} ms slower",
        "duplicate": "calls {duplicate} arrive more than once",
        "reorder": "calls {reorder} arrive out of order",
        "heal": "the links are healed",
        "batch": "{batch} sends batches of {events}",
        "skew": "the clock of {skew} changes: {by}",
        "forge": "{link}: {times} × {forge}",
        "knock": "four callers at the door of {knock}",
        "token": "a call with a token, {token}",
        "price": "{at} sets the price to {cents} cents",
        "drain": "wait until nothing is pending",
    }
)
FORGED = tables(
    {
        "repeated": "the same event",
        "replayed": "a copied message",
        "tampered": "an event with a changed byte",
        "forged": "an event signed by a stranger",
        "stale-token": "a token that was used before",
    }
)
_EXPECTED = tables({"about ": "about ", "at least ": "at least ", "at most ": "at most ", " and ": " and "})


@dataclass(frozen=True)
class LessonWords:
    """The texts in one language; `{…}` are filled in with `str.format`."""

    language: Language

    def text(self, name: str) -> str:
        """The text of that name."""
        return _TEXTS[self.language][name]

    def prompt(self, kind: str) -> str:
        """What a terminal asks with for a prediction of that kind."""
        return _PROMPTS[self.language][kind]

    def unit(self, unit: str | None, value: float | None = None) -> str:
        """A unit of what is predicted, as it is called behind that value; empty for none."""
        units, one = _UNITS[self.language], f"1 {unit}"
        return units[one] if value == 1 and one in units else units[unit or ""]

    def number(self, value: float) -> str:
        """As people of this language write it."""
        text = f"{value:.3g}" if abs(value) < 1000 else f"{value:.0f}"
        return localised(text, self.language)

    def result(
        self, unit: str | None, observed: float, beside: Iterable[tuple[str, float | None, float | None]]
    ) -> str:
        """What was observed, and beside it each (name of a text, value, error in percent) that there is."""
        parts = [self.text("observed").format(value=self.number(observed), unit=self.unit(unit, observed))]
        for name, value, error in beside:
            if value is not None:
                off = "" if error is None else f" ({self.number(error)}%)"
                parts.append(self.text(name).format(value=self.number(value)) + off)
        return " · ".join(parts)

    def expected(self, text: str) -> str:
        """What should be seen, as a run log says it in English, in this language."""
        for english, said in _EXPECTED[self.language].items():
            text = text.replace(english, said)
        return text

    def step_line(self, step: model.Step, scale: float = 1.0) -> str:
        """What a step does, in one line."""
        said = step.model_dump(by_alias=True)
        if said.get("seconds"):
            said["seconds"] = self.number(max(LEAST_SECONDS, said["seconds"] * scale))
        verb = next(word for word in said if word in model.VERBS)
        if verb == "sell":
            verb = "sell_rate" if said["rate"] is not None else "sell_orders"
        told = {name: _told(value) for name, value in said.items()}
        if verb == "cut":
            told["cut"] = "↔".join(said["cut"])
        elif verb == "forge":
            told["forge"] = FORGED[self.language][said["forge"]]
        return STEPS[self.language][verb].format(**told)


def _told(value: object) -> str:
    if isinstance(value, tuple):
        return "→".join(map(str, value))
    return " + ".join(map(str, value)) if isinstance(value, list) else str(value)


WORDS: Mapping[Language, LessonWords] = {language: LessonWords(language) for language in LANGUAGES}
