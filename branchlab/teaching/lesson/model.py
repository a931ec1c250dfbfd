"""The form of a lesson's file: what it must say, and what it may say."""

from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from branchlab.language import Language
from branchlab.networks.network import Policy

Node = Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]*$")]
Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]
Pair = Annotated[tuple[Node, Node], Field(strict=False)]
Text = Annotated[str, Field(min_length=1, max_length=400)]
Seconds = Annotated[float, Field(gt=0, le=600)]


class Form(BaseModel):
    """What a file may say, and nothing else."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Words(Form):
    """A text in both languages."""

    pt: Text = Field(alias="pt-BR")
    en: Text

    def said(self, language: Language) -> str:
        """The text in that language."""
        return self.pt if language == "pt-BR" else self.en

    @property
    def both(self) -> dict[str, str]:
        """LANGUAGE → the text."""
        return {"pt-BR": self.pt, "en": self.en}


class Choices(Form):
    """Answers to choose from, in both languages and the same order."""

    pt: list[Text] = Field(alias="pt-BR", min_length=2, max_length=5)
    en: list[Text] = Field(min_length=2, max_length=5)

    @model_validator(mode="after")
    def _as_many(self) -> Self:
        if len(self.pt) != len(self.en):
            raise ValueError("unequal_choices")
        return self

    def said(self, language: Language) -> list[str]:
        """The answers in that language."""
        return self.pt if language == "pt-BR" else self.en

    @property
    def both(self) -> dict[str, list[str]]:
        """LANGUAGE → the answers."""
        return {"pt-BR": self.pt, "en": self.en}


class Predict(Form):
    """What the class predicts. `observe` names the fact it is compared with, `theory` a fact or a number;
    `answer` is the place of the right choice, from 0."""

    kind: Literal["number", "choice", "curve"]
    question: Words
    unit: Literal["events", "orders", "units", "ms", "seconds"] | None = None
    observe: str | None = None
    theory: str | float | int | None = None
    choices: Choices | None = None
    answer: int | None = None

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        if self.kind == "choice":
            if self.choices is None or self.answer is None or not 0 <= self.answer < len(self.choices.en):
                raise ValueError("needs_choices")
        elif self.observe is None or self.unit is None:
            raise ValueError("needs_observe")
        return self


class Expectation(Form):
    """One "you should see": the fact `that` is a value, or about one, at least or at most; under one policy
    only where that is said. `within` is how far it may be from what is `about`, or from a fact that a bound
    names."""

    that: str
    equals: str | float | int | None = Field(default=None, alias="is")
    about: str | float | int | None = None
    within: Annotated[str, Field(pattern=r"^\d{1,3}%$")] = "10%"
    least: str | float | int | None = None
    most: str | float | int | None = None
    policy: Policy | None = None

    @model_validator(mode="after")
    def _says_what(self) -> Self:
        said = [one is not None for one in (self.equals, self.about, self.least, self.most)]
        if sum(said) == 0 or (self.about is not None and sum(said) > 1):
            raise ValueError("says_nothing")
        return self


class Step(Form):
    """One step of the method. Under its name its facts are kept: what it did, and what the nodes showed."""

    name: Name | None = Field(default=None, alias="as")


class Stock(Step):
    stock: str
    units: Annotated[int, Field(ge=1, le=100_000)]
    at: Node | None = None
    share: Literal["equal", "keep"] = "equal"


class Sell(Step):
    """Orders of one unit: `rate` a second for `seconds`, or so many `orders` at each node, in a row or
    `at_once`."""

    sell: str
    at: Annotated[list[Node], Field(min_length=1)]
    rate: Annotated[float | int, Field(gt=0, le=200)] | None = None
    seconds: float | int | None = None
    orders: Annotated[list[Annotated[int, Field(ge=1, le=500)]], Field(min_length=1)] | None = None
    at_once: bool = False

    @property
    def by_time(self) -> tuple[float, float]:
        """Its rate and its seconds; 0 where it goes by numbers."""
        return float(self.rate or 0), float(self.seconds or 0)

    @model_validator(mode="after")
    def _says_how_many(self) -> Self:
        by_time = self.rate is not None and self.seconds is not None
        by_number = self.orders is not None and len(self.orders) == len(self.at)
        if by_time == by_number:
            raise ValueError("how_many")
        return self


class Again(Step):
    """The first order of an earlier step, asked again with its key."""

    again: Name


class Cancel(Step):
    """The first order of an earlier step, cancelled where it was made."""

    cancel: Name


class Stop(Step):
    stop: Node


class Pause(Step):
    pause: Node


class Start(Step):
    start: Node


class Resume(Step):
    resume: Node


class Wipe(Step):
    wipe: Node


class Cut(Step):
    cut: Pair


class Slow(Step):
    slow: Pair
    ms: Annotated[int, Field(ge=1, le=5000)]


class Duplicate(Step):
    duplicate: Pair


class Reorder(Step):
    reorder: Pair


class Heal(Step):
    heal: Literal["links"]


class Batch(Step):
    batch: Node
    events: Annotated[int, Field(ge=1, le=500)]


class Skew(Step):
    skew: Node
    by: Annotated[str, Field(pattern=r"^[+-]\d+[smh]$")]


class Forge(Step):
    forge: Literal["repeated", "replayed", "tampered", "forged", "stale-token"]
    link: Pair
    times: Annotated[int, Field(ge=1, le=20)] = 5


class Knock(Step):
    """Four callers that must not all come in."""

    knock: Node


class Token(Step):
    """A token of one branch, shown to another."""

    token: Pair


class Price(Step):
    price: str
    at: Node
    cents: Annotated[int, Field(ge=0, le=10_000_000)]


class Drain(Step):
    """Waits until every node has all events."""

    drain: Seconds | int


VERBS: dict[str, type[Step]] = {
    "stock": Stock, "sell": Sell, "again": Again, "cancel": Cancel, "stop": Stop, "pause": Pause,
    "start": Start, "resume": Resume, "wipe": Wipe, "cut": Cut, "slow": Slow, "duplicate": Duplicate,
    "reorder": Reorder, "heal": Heal, "batch": Batch, "skew": Skew, "forge": Forge, "knock": Knock,
    "token": Token, "price": Price, "drain": Drain,
}  # fmt: skip
"""Every step that a method may have, by the word that names it."""


class Lesson(Form):
    """One scenario of the lesson, as its file says it."""

    id: Annotated[str, Field(pattern=r"^s\d-[a-z-]+$")]
    title: Words
    hypothesis: Words
    nodes: Annotated[int, Field(ge=2, le=9)] = 3
    policies: list[Policy] = ["escrow"]
    minutes: Annotated[int, Field(ge=1, le=20)]
    predict: Annotated[list[Predict], Field(min_length=1)]
    method: Annotated[list[dict[str, Any]], Field(min_length=1)]
    expect: Annotated[list[Expectation], Field(min_length=1)]
    rollback: Literal["always"]
    explain: Words
