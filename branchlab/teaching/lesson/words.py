"""The lesson's texts, in Portuguese and in English."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from branchlab.language import Language
from branchlab.teaching.lesson import model

LEAST_SECONDS = 1.0
"""Of a sale by time, also in a fast lesson."""


_EXPECTED_PT = (
    ("about ", "cerca de "),
    ("at least ", "no mínimo "),
    ("at most ", "no máximo "),
    (" and ", " e "),
)


@dataclass(frozen=True)
class LessonWords:
    """The texts of one language; `{…}` are filled in with `str.format`."""

    language: Language
    hypothesis: str
    question: str
    prompt: Mapping[str, str]
    no_number: str
    met: str
    explain: str
    choice: str
    observed: str
    theory: str
    klass: str
    units: Mapping[str | None, str]
    steps: Mapping[str, str]
    report: str
    minutes: str

    def number(self, value: float) -> str:
        """As people of this language write it."""
        text = f"{value:.3g}" if abs(value) < 1000 else f"{value:.0f}"
        return text.replace(".", ",") if self.language == "pt-BR" else text

    def result(
        self, unit: str | None, observed: float, beside: Iterable[tuple[str, float | None, float | None]]
    ) -> str:
        """What was observed, and beside it each (text, value, error in percent) that there is."""
        parts = [self.observed.format(value=self.number(observed), unit=self.units[unit])]
        for text, value, error in beside:
            if value is not None:
                off = "" if error is None else f" ({self.number(error)} %)"
                parts.append(text.format(value=self.number(value)) + off)
        return " · ".join(parts)

    def expected(self, text: str) -> str:
        """What should be seen, as a run log says it in English, in this language."""
        if self.language == "en":
            return text
        for english, portuguese in _EXPECTED_PT:
            text = text.replace(english, portuguese)
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
        return self.steps[verb].format(**told)


def _told(value: object) -> str:
    if isinstance(value, tuple):
        return "→".join(map(str, value))
    return " + ".join(map(str, value)) if isinstance(value, list) else str(value)


WORDS: Mapping[Language, LessonWords] = {
    "pt-BR": LessonWords(
        language="pt-BR",
        hypothesis="Hipótese",
        question="Previsão",
        prompt={
            "number": "quantos? (Enter: sem previsão) ",
            "curve": "quantos no fim? (Enter: sem previsão) ",
            "choice": "qual? (Enter: sem previsão) ",
        },
        no_number="isso não é uma resposta; tente de novo",
        met="{met} de {all} expectativas confirmadas",
        explain="Por quê",
        choice="resposta certa: {right} ({votes} de {all} votos)",
        observed="observado {value} {unit}",
        theory="teoria {value}",
        klass="turma {value}",
        units={
            None: "",
            "events": "eventos",
            "orders": "pedidos",
            "units": "unidades",
            "ms": "ms",
            "seconds": "s",
        },
        steps={
            "stock": "{units} unidades de {stock} no estoque",
            "sell_rate": "{at}: {rate} vendas/s por {seconds} s",
            "sell_orders": "{at}: {orders} pedidos de {sell}",
            "again": "o mesmo pedido de novo, com a mesma chave",
            "cancel": "o primeiro pedido é cancelado",
            "stop": "{stop} para",
            "pause": "{pause} congela",
            "start": "{start} volta",
            "resume": "{resume} segue",
            "wipe": "{wipe} perde o disco, e os enlaces voltam",
            "cut": "o cabo {cut} é cortado",
            "slow": "o enlace {slow} fica {ms} ms mais lento",
            "duplicate": "chamadas {duplicate} chegam repetidas",
            "reorder": "chamadas {reorder} chegam fora de ordem",
            "heal": "os enlaces são curados",
            "batch": "{batch} envia {events} eventos por lote",
            "skew": "o relógio de {skew} muda: {by}",
            "forge": "{link}: {times} × {forge}",
            "knock": "quatro visitantes batem à porta de {knock}",
            "token": "um token, {token}",
            "price": "{at} põe o preço em {cents} centavos",
            "drain": "espera até nada estar pendente",
        },
        report="relatório da aula: {path}",
        minutes="min",
    ),
    "en": LessonWords(
        language="en",
        hypothesis="Hypothesis",
        question="Prediction",
        prompt={
            "number": "how many? (Enter: no prediction) ",
            "curve": "how many at the end? (Enter: no prediction) ",
            "choice": "which? (Enter: no prediction) ",
        },
        no_number="that is no answer; try again",
        met="{met} of {all} expectations met",
        explain="Why",
        choice="the right answer: {right} ({votes} of {all} votes)",
        observed="observed {value} {unit}",
        theory="theory {value}",
        klass="class {value}",
        units={
            None: "",
            "events": "events",
            "orders": "orders",
            "units": "units",
            "ms": "ms",
            "seconds": "s",
        },
        steps={
            "stock": "{units} units of {stock} in stock",
            "sell_rate": "{at}: {rate} sales/s for {seconds} s",
            "sell_orders": "{at}: {orders} orders of {sell}",
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
            "batch": "{batch} sends {events} events in a batch",
            "skew": "the clock of {skew} changes: {by}",
            "forge": "{link}: {times} × {forge}",
            "knock": "four callers at the door of {knock}",
            "token": "a token, {token}",
            "price": "{at} sets the price to {cents} cents",
            "drain": "wait until nothing is pending",
        },
        report="report of the lesson: {path}",
        minutes="min",
    ),
}
