"""What `./lab status` shows: words for reasons, active faults with leases, and all of it at any width."""

import io

import pytest
from rich.console import Console

from branchlab.faults.kinds import KINDS
from branchlab.language import LANGUAGES, Language, span, speaking
from branchlab.networks.broken import link_words
from branchlab.networks.status import NetworkReading, clock_ahead
from branchlab.networks.tables import NetworkView, stock_words
from branchlab.networks.words import LINK_FAULTS, reason_words
from branchlab.tests.readings import NETWORK, link_fault, network_of, said_by, status, with_faults

WIDTHS = (60, 80, 120, 200)
MATRIZ, NORTE, SUL = NETWORK.names


def shown(reading: NetworkReading, *, language: Language = "en", width: int = 80) -> str:
    console = Console(
        width=width, record=True, file=io.StringIO(), color_system=None, soft_wrap=True, highlight=False
    )
    with speaking(language):
        console.print(NetworkView(reading, NETWORK))
    return console.export_text()


def in_one_line(text: str) -> str:
    return " ".join(text.split())


def settled(name: str) -> list[str]:
    return [one for one in NETWORK.names if one != name]


def broken_network() -> NetworkReading:
    """Two cut links, one of them in one direction, a full disk and a clock that is an hour ahead."""
    return network_of(
        said_by(
            MATRIZ,
            "running",
            with_faults(
                status(MATRIZ, settled(MATRIZ)),
                link_fault(NORTE, "cut", hang_seconds=0.0),
                link_fault(SUL, "slow", delay_seconds=0.8, jitter_seconds=0.2),
            ),
        ),
        said_by(
            NORTE,
            "running",
            with_faults(
                status(NORTE, settled(NORTE)),
                link_fault(MATRIZ, "cut", left=1738.0, hang_seconds=0.0),
                disk_left=45.0,
            ),
        ),
        said_by(SUL, "running", status(SUL, settled(SUL)), clock_ahead=3600.0),
    )


CALM = network_of(*(said_by(name, "running", status(name, settled(name))) for name in NETWORK.names))


def test_a_converged_network_is_a_title_with_the_clock_the_nodes_and_one_word() -> None:
    lines = shown(CALM).splitlines()
    assert lines[0] == "3 branches · driver process · policy escrow · 14:03:12"
    assert lines[1:4] == [
        "matriz          running     orders 5 · stock 40 · digest a1b2c3d4",
        "  → filial-norte         0",
        "  → filial-sul           0",
    ]
    assert lines[-1] == "converged"


def test_what_is_broken_is_listed_with_its_lease_and_counted_beside_the_verdict() -> None:
    lines = shown(broken_network()).splitlines()
    faults = lines[lines.index("active faults") + 1 :]
    assert faults == [
        "  matriz ↔ filial-norte  cut · 29 min left",
        "  matriz → filial-sul    0.8 s slower ± 0.2 s · 29 min left",
        "  filial-norte           its disk is full · 45 s left",
        "  filial-sul             its clock is 1 h ahead of this machine's · no lease",
        "converged (2 links broken, 1 full disk, 1 wrong clock)",
    ]


def test_the_same_is_shown_in_portuguese() -> None:
    lines = shown(broken_network(), language="pt-BR", width=100).splitlines()
    assert lines[0] == "3 filiais · driver process · política escrow · 14:03:12"
    assert lines[1] == "matriz          no ar       pedidos 5 · estoque 40 · digest a1b2c3d4"
    assert lines[lines.index("falhas ativas") + 1 :] == [
        "  matriz ↔ filial-norte  cortado · acaba em 29 min",
        "  matriz → filial-sul    0,8 s mais lento ± 0,2 s · acaba em 29 min",
        "  filial-norte           o disco está cheio · acaba em 45 s",
        "  filial-sul             o relógio está 1 h adiantado em relação ao desta máquina · sem prazo",
        "convergiu (2 enlaces com falha, 1 disco cheio, 1 relógio errado)",
    ]


def test_directions_whose_leases_end_apart_stand_apart() -> None:
    there = with_faults(status(MATRIZ, settled(MATRIZ)), link_fault(NORTE, "cut", left=60.0))
    back = with_faults(status(NORTE, settled(NORTE)), link_fault(MATRIZ, "cut", left=1800.0))
    text = shown(network_of(said_by(MATRIZ, "running", there), said_by(NORTE, "running", back)))
    assert "  matriz → filial-norte  cut · 1 min left" in text
    assert "  filial-norte → matriz  cut · 30 min left" in text
    assert "converged (1 link broken)" in text


def test_faults_of_one_link_are_one_broken_link() -> None:
    said = with_faults(
        status(MATRIZ, settled(MATRIZ)),
        link_fault(SUL, "flaky", loss=0.3),
        link_fault(SUL, "duplicate", copies=1),
    )
    text = shown(network_of(said_by(MATRIZ, "running", said)))
    assert "  matriz → filial-sul  loses 30% of the calls · 29 min left" in text
    assert "(1 link broken)" in text


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("width", WIDTHS)
def test_every_word_is_there_at_any_width_and_no_line_is_longer(language: Language, width: int) -> None:
    silent = said_by(SUL, "unreachable", None, "did not answer in 3 s")
    waits = status(MATRIZ, [SUL, NORTE], pending=6, oldest=6.8, error="did not answer in 5 s", next_try=12.0)
    reading = network_of(said_by(MATRIZ, "running", waits), *broken_network().nodes[1:2], silent)
    text = shown(reading, language=language, width=width)
    assert max(len(line.rstrip()) for line in text.splitlines()) <= width
    widest = shown(reading, language=language, width=400)
    assert in_one_line(text).replace(" ·", "·") == in_one_line(widest).replace(" ·", "·")


@pytest.mark.parametrize(
    ("said", "english", "portuguese"),
    [
        ("did not answer in 5 s", "did not answer in 5 s", "não respondeu em 5 s"),
        ("ReadTimeout", "did not answer in time", "não respondeu a tempo"),
        ("ReadTimeout: too slow", "did not answer in time", "não respondeu a tempo"),
        ("ConnectTimeout", "took no connection in time", "não aceitou a conexão a tempo"),
        ("ConnectError: [Errno 111] Connection refused", "refuses connections", "recusa conexões"),
        (
            "ConnectError: [Errno -2] Name or service not known",
            "has a name that leads nowhere",
            "tem um nome que não leva a lugar nenhum",
        ),
        (
            "ConnectError: All connection attempts failed",
            "cannot be reached: All connection attempts failed",
            "não pode ser alcançada: All connection attempts failed",
        ),
        (
            "RemoteProtocolError: Server disconnected",
            "ended the connection without an answer",
            "encerrou a conexão sem responder",
        ),
        ("the lab cut this link", "the lab cut this link", "o laboratório cortou este enlace"),
        ("503 not_ready", "answered 503 (not_ready)", "respondeu 503 (not_ready)"),
        ("502", "answered 502", "respondeu 502"),
        ("503 Wait a little.", "answered 503: Wait a little.", "respondeu 503: Wait a little."),
        ("something new", "something new", "something new"),
    ],
)
def test_a_reason_is_shown_in_words(said: str, english: str, portuguese: str) -> None:
    assert reason_words(said) == english
    with speaking("pt-BR"):
        assert reason_words(said) == portuguese


def test_a_link_in_trouble_says_why_and_when_it_is_tried_again() -> None:
    said = status(MATRIZ, [SUL], pending=6, oldest=6.8, error="ReadTimeout", next_try=12.3)
    text = shown(network_of(said_by(MATRIZ, "running", said), said_by(SUL, "paused", None, "paused")))
    assert "  → filial-sul           6     6.8 s did not answer in time; next try in 12 s\n" in text
    assert "→ events pending to that branch, and how long the oldest has waited · ? unknown" in text


def test_a_link_that_waits_for_a_person_says_so() -> None:
    said = status(MATRIZ, [SUL], pending=6, error="403 no")
    said["peers"][SUL]["state"] = "blocked"
    reading = network_of(said_by(MATRIZ, "running", said), said_by(SUL, "running", status(SUL, [MATRIZ])))
    assert "refuses for good: answered 403 (no)" in shown(reading)


def test_more_gone_than_was_frozen_is_said_in_words() -> None:
    assert stock_words({"available": 41, "frozen": -1}) == "41, 1 more gone than frozen"
    assert stock_words({"available": 41, "frozen": 2, "oversold": 3}) == "41 + 2 frozen + 3 oversold"
    assert stock_words({"available": None, "frozen": None}) == "?"


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_kind_of_link_fault_has_words_of_its_own(language: Language) -> None:
    settings = {"delay_seconds": 0.8, "jitter_seconds": 0.2, "loss": 0.3, "copies": 2, "chance": 0.5}
    with speaking(language):
        said = {kind.name: link_words(link_fault(SUL, kind.name, **settings)) for kind in KINDS}
    assert set(LINK_FAULTS) == set(said)
    assert len(set(said.values())) == len(KINDS)
    assert "{" not in "".join(said.values())


def test_a_kind_of_a_later_version_is_shown_by_its_name() -> None:
    assert link_words(link_fault(SUL, "mangle", share=0.1)) == "mangle"


@pytest.mark.parametrize(
    ("now", "ahead"),
    [
        (None, None),
        (100.0, 0.0),
        (101.5, 0.0),
        (104.0, 2.0),
        (97.0, -3.0),
        ("1970-01-01T00:01:44+00:00", 2.0),
    ],
)
def test_a_clock_is_off_by_what_the_time_of_asking_does_not_explain(
    now: float | str | None, ahead: float | None
) -> None:
    assert clock_ahead(now, asked=100.0, answered=102.0) == ahead


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(4, "4 s"), (59.6, "1 min"), (60, "1 min"), (1799, "30 min"), (3599.9, "1 h"), (5400, "1.5 h")],
)
def test_a_span_is_said_in_the_unit_that_fits(seconds: float, said: str) -> None:
    assert span(seconds) == said
