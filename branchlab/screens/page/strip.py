"""The top strip: the run's clock, the verdict with a word per promise, and HEAL always in reach."""

from collections.abc import Callable

from branchlab.checking.timeline.model import PROMISES, Opinion
from branchlab.screens.page.elements import Tag, button
from branchlab.screens.page.state import PageState
from branchlab.screens.page.words import clock
from branchlab.screens.source import Source

_MARKS = {"PASS": "✓", "FAIL": "✗", "UNKNOWN": "?", "None": "–"}


class Strip:
    """Builds itself, and says what is new."""

    def __init__(self, state: PageState, source: Source, heal: Callable[[], None]) -> None:
        self._state = state
        self._source = source
        word = state.word
        with Tag("header", classes="strip"):
            self._clock = Tag(
                "span", "", classes="clock", data_testid="clock", role="timer", aria_label=word("clock")
            )
            self._mode = Tag("span", "", classes="mode", data_testid="mode")
            self._verdict = Tag("span", "", classes="verdict", data_testid="verdict", role="status")
            with Tag("ul", classes="promises", aria_label=word("verdict")):
                self._promises = {
                    name: Tag("li", "", classes="promise", data_testid=f"promise-{name}") for name in PROMISES
                }
            Tag("h1", word("title"), classes="hidden-visually")
            if source.is_live:
                button(word("heal"), heal, key="h", classes="heal", test="heal", title=word("heal_help"))

    def refresh(self, source: Source) -> None:
        """Shows the clock and the verdict of what is seen: the network, or a play of the lesson."""
        state, word = self._state, self._state.word
        if state.is_frozen:
            self._mode.text = word("frozen", clock=self._clock.text)
        else:
            self._clock.text = clock(source.now)
            self._mode.text = word(
                "lesson_mode" if source is not self._source else "live" if source.is_live else "replay"
            )
        opinion = source.timeline.opinion
        result = opinion.result if opinion is not None else "none"
        since = f" ({word('since', clock=clock(opinion.at))})" if opinion is not None else ""
        said = "nothing" if opinion is not None and _judges_nothing(opinion) else result
        self._verdict.text = f"{_MARKS.get(result, '–')} {word(f'verdict_{said}')}{since}"
        self._verdict.be(f"verdict {result}")
        for name, shown in self._promises.items():
            one = str(opinion.promises.get(name)) if opinion is not None else "None"
            shown.text = f"{_MARKS[one]} {word(f'promise_{name}')}"
            shown.be(f"promise {one}")
            shown.attributes(title=word(f"result_{one}"))


def _judges_nothing(opinion: Opinion) -> bool:
    """Whether nothing is wrong or unknown, but nothing was sold either."""
    doubtful = {"FAIL", "UNKNOWN"} & {str(one) for one in opinion.promises.values()}
    return opinion.result == "UNKNOWN" and opinion.acknowledged == 0 and not doubtful
