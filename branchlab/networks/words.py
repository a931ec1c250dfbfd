"""Every text of `./lab status` and `./lab watch`, in Portuguese and in English."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from branchlab.language import Language
from branchlab.networks.drivers import NodeState

Counted = tuple[str, str]
"""The texts for one and for more; `{n}` is how many."""


@dataclass(frozen=True)
class Words:
    """The texts of one language; `{…}` are filled in with `str.format`."""

    language: Language
    decimal_comma: bool
    title: str
    held: str
    states: Mapping[NodeState, str]
    decommissioned: str
    not_ready: str
    nothing_known: str
    last_seen: str
    orders: str
    stock: str
    frozen: str
    more_gone: str
    oversold: str
    digest: str
    parked: str
    altered: str
    troubles: Mapping[str, str]
    next_try: str
    no_reason: str
    another_schema: str
    faults: str
    link_faults: Mapping[str, str]
    cut_hangs: str
    jitter: str
    disk_full: str
    clock_ahead: str
    clock_behind: str
    left: str
    until_restart: str
    broken_links: Counted
    full_disks: Counted
    wrong_clocks: Counted
    converged: Mapping[bool | None, str]
    legend_pending: str
    legend_unknown: str
    legend_chart: str
    quiet: Counted
    keys: str
    keys_held: str
    reasons: Sequence[tuple[str, str]]

    def number(self, value: float, *, decimals: int = 0) -> str:
        """As people of this language write it, without thousands: 1,5 or 1.5."""
        written = f"{value:.{decimals}f}"
        return written.replace(".", ",") if self.decimal_comma else written

    def short(self, value: float) -> str:
        """With the decimals that it needs: 3, 0.25."""
        written = f"{value:g}"
        return written.replace(".", ",") if self.decimal_comma else written

    def count(self, texts: Counted, n: int) -> str:
        """`1 link broken`, `3 links broken`."""
        return texts[0 if n == 1 else 1].format(n=n)

    def span(self, seconds: float) -> str:
        """A length of time as people say it: 45 s, 29 min, 2 h."""
        if round(seconds) < 60:
            return f"{seconds:.0f} s"
        if (minutes := round(seconds / 60)) < 60:
            return f"{minutes} min"
        return f"{self.short(round(minutes / 60, 1))} h"

    def reason(self, said: str) -> str:
        """What a node reported as a reason, in this language; unchanged where it is not a known one."""
        for pattern, words in self.reasons:
            if match := re.fullmatch(pattern, said, re.DOTALL):
                return match.expand(words)
        return said


# What nodes report of each other (services/node: transport.py, link_faults.py, synchronizer.py), and what
# earlier versions report: the name of a class.
_READ, _BROKEN = (
    "(?:Read)?Timeout(?:Exception)?(?:: .*)?",
    "(?:Read|Write|RemoteProtocol|Close)Error(?:: .*)?",
)
_CONNECT = "ConnectTimeout(?:: .*)?"

ENGLISH = Words(
    language="en",
    decimal_comma=False,
    title="{n} branches · driver {driver} · policy {policy} · {clock}",
    held=" · held",
    states={
        "running": "running",
        "paused": "paused",
        "stopped": "stopped",
        "unreachable": "unreachable",
    },
    decommissioned="decommissioned",
    not_ready="not ready",
    nothing_known="nothing known",
    last_seen="last seen {seconds} s ago",
    orders="orders {n}",
    stock="stock {n}",
    frozen="{n} frozen",
    more_gone="{n} more gone than frozen",
    oversold="{n} oversold",
    digest="digest {digest}",
    parked="parked {n}",
    altered="altered {n}",
    troubles={
        "backing_off": "{reason}",
        "blocked": "refuses for good: {reason}",
        "needs_snapshot": "needs whole rows: {reason}",
        "unknown": "not heard from yet",
        "decommissioned": "decommissioned",
    },
    next_try="{trouble}; next try in {seconds} s",
    no_reason="no reason known",
    another_schema="another schema ({schema})",
    faults="active faults",
    link_faults={
        "cut": "cut",
        "slow": "{delay_seconds} s slower",
        "flaky": "loses {loss}% of the calls",
        "duplicate": "each call arrives {copies} more times",
        "reorder": "{chance}% of the calls come late",
    },
    cut_hangs="{cut}; calls hang {hang_seconds} s",
    jitter=" ± {jitter_seconds} s",
    disk_full="its disk is full",
    clock_ahead="its clock is {span} ahead of this machine's",
    clock_behind="its clock is {span} behind this machine's",
    left="{span} left",
    until_restart="no lease",
    broken_links=("{n} link broken", "{n} links broken"),
    full_disks=("{n} full disk", "{n} full disks"),
    wrong_clocks=("{n} wrong clock", "{n} wrong clocks"),
    converged={True: "converged", False: "not converged", None: "convergence unknown"},
    legend_pending="→ events pending to that branch, and how long the oldest has waited",
    legend_unknown="? unknown",
    legend_chart="chart: pending in the last {seconds} s (· no reading), one scale for all,"
    " full height {highest}",
    quiet=("  → {n} more link, nothing pending", "  → {n} more links, nothing pending"),
    keys="keys: q ends · space holds the picture",
    keys_held="keys: q ends · space goes on",
    reasons=(
        (_READ, "did not answer in time"),
        (_CONNECT, "took no connection in time"),
        ("ConnectError: .*refused.*", "refuses connections"),
        ("ConnectError: .*(?:not known|resolution).*", "has a name that leads nowhere"),
        ("ConnectError: (.*)", r"cannot be reached: \1"),
        (_BROKEN, "ended the connection without an answer"),
        (r"(\d{3}) ([a-z_]+)", r"answered \1 (\2)"),
        (r"(\d{3})", r"answered \1"),
        (r"(\d{3}) (.+)", r"answered \1: \2"),
    ),
)

PORTUGUESE = Words(
    language="pt-BR",
    decimal_comma=True,
    title="{n} filiais · driver {driver} · política {policy} · {clock}",
    held=" · imagem parada",
    states={
        "running": "no ar",
        "paused": "pausada",
        "stopped": "parada",
        "unreachable": "inalcançável",
    },
    decommissioned="desativada",
    not_ready="não está pronta",
    nothing_known="nada se sabe",
    last_seen="vista há {seconds} s",
    orders="pedidos {n}",
    stock="estoque {n}",
    frozen="{n} congeladas",
    more_gone="{n} em falta além das congeladas",
    oversold="{n} vendidas a mais",
    digest="digest {digest}",
    parked="retidos {n}",
    altered="alteradas {n}",
    troubles={
        "backing_off": "{reason}",
        "blocked": "recusa de vez: {reason}",
        "needs_snapshot": "precisa das linhas inteiras: {reason}",
        "unknown": "ainda sem notícia",
        "decommissioned": "desativada",
    },
    next_try="{trouble}; nova tentativa em {seconds} s",
    no_reason="motivo desconhecido",
    another_schema="outro esquema ({schema})",
    faults="falhas ativas",
    link_faults={
        "cut": "cortado",
        "slow": "{delay_seconds} s mais lento",
        "flaky": "perde {loss}% das chamadas",
        "duplicate": "cada chamada chega mais {copies} vezes",
        "reorder": "{chance}% das chamadas chegam atrasadas",
    },
    cut_hangs="{cut}; chamadas travam {hang_seconds} s",
    jitter=" ± {jitter_seconds} s",
    disk_full="o disco está cheio",
    clock_ahead="o relógio está {span} adiantado em relação ao desta máquina",
    clock_behind="o relógio está {span} atrasado em relação ao desta máquina",
    left="acaba em {span}",
    until_restart="sem prazo",
    broken_links=("{n} enlace com falha", "{n} enlaces com falha"),
    full_disks=("{n} disco cheio", "{n} discos cheios"),
    wrong_clocks=("{n} relógio errado", "{n} relógios errados"),
    converged={True: "convergiu", False: "não convergiu", None: "convergência desconhecida"},
    legend_pending="→ eventos pendentes para essa filial, e há quanto tempo o mais antigo espera",
    legend_unknown="? desconhecido",
    legend_chart="gráfico: pendentes nos últimos {seconds} s (· sem leitura), uma escala só,"
    " altura cheia {highest}",
    quiet=("  → mais {n} enlace, nada pendente", "  → mais {n} enlaces, nada pendente"),
    keys="teclas: q encerra · espaço para a imagem",
    keys_held="teclas: q encerra · espaço continua",
    reasons=(
        (r"did not answer in ([\d.]+) s", r"não respondeu em \1 s"),
        (f"did not answer in time|{_READ}", "não respondeu a tempo"),
        (r"took no connection in ([\d.]+) s", r"não aceitou a conexão em \1 s"),
        (f"took no connection in time|{_CONNECT}", "não aceitou a conexão a tempo"),
        (r"took no data in ([\d.]+) s", r"não recebeu os dados em \1 s"),
        ("refuses connections|ConnectError: .*refused.*", "recusa conexões"),
        (
            "has a name that leads nowhere|ConnectError: .*(?:not known|resolution).*",
            "tem um nome que não leva a lugar nenhum",
        ),
        ("(?:cannot be reached|ConnectError): (.*)", r"não pode ser alcançada: \1"),
        (f"ended the connection without an answer|{_BROKEN}", "encerrou a conexão sem responder"),
        ("too many calls are under way here", "há chamadas demais em andamento aqui"),
        ("the call failed: (.*)", r"a chamada falhou: \1"),
        ("the lab cut this link", "o laboratório cortou este enlace"),
        ("the lab lost this message", "o laboratório perdeu esta mensagem"),
        ("the lab holds this message back", "o laboratório segurou esta mensagem"),
        (
            "the lab's slow link took longer than the sender waits",
            "o enlace lento do laboratório demorou demais",
        ),
        (
            "the answer is not a member's, or was damaged on its way",
            "a resposta não é de um membro, ou foi danificada no caminho",
        ),
        ("the answer is not readable", "a resposta é ilegível"),
        ("the peer did not move on", "a filial não avançou"),
        (
            "the peer began another life before it answered",
            "a filial começou outra vida antes de responder",
        ),
        ("lacks what the log here no longer has", "precisa do que o registro daqui já não tem"),
        (r"does not fit this node: (.*)", r"não combina com este nó: \1"),
        (r"lives on in epoch (.+), which is over", r"continua na época \1, que já terminou"),
        ("is decommissioned", "está desativada"),
        (r"sent what no honest node sends: (.*)", r"enviou o que nenhum nó honesto envia: \1"),
        (r"(\S+) is (\S+), not (\S+)", r"em \1 responde \2, não \3"),
        (
            r"(\S+) acknowledges (.*), which is none of this disk",
            r"\1 confirma algo que não é deste disco: \2",
        ),
        (r"own storage: (.*)", r"armazenamento daqui: \1"),
        (r"internal: (.*)", r"erro interno daqui: \1"),
        (r"(\d{3}) ([a-z_]+)", r"respondeu \1 (\2)"),
        (r"(\d{3})", r"respondeu \1"),
        (r"(\d{3}) (.+)", r"respondeu \1: \2"),
    ),
)

BY_LANGUAGE: Mapping[Language, Words] = {words.language: words for words in (PORTUGUESE, ENGLISH)}
