"""The seven exercises: what a node must do, the scenario that shows it, and hints, in both languages."""

from collections.abc import Mapping
from dataclasses import dataclass

from branchlab.language import Language

Said = Mapping[Language, str]


@dataclass(frozen=True)
class Exercise:
    """One step of the ladder. The first ones are judged by checks of that `rung`, the others by a"
    " scenario."""

    number: int
    title: Said
    hints: tuple[Said, ...]
    scenario: str | None = None
    rung: int | None = None
    rounds: int | None = None


def _said(en: str, pt: str) -> Said:
    return {"en": en, "pt-BR": pt}


EXERCISES: tuple[Exercise, ...] = (
    Exercise(
        1,
        _said("answers", "responde"),
        (
            _said(
                "Listen where --host and --port say. /healthz and /readyz need no token; everything else"
                " does.",
                "Escute onde --host e --port dizem. /healthz e /readyz não pedem token; todo o resto pede.",
            ),
            _said(
                "Sign the token with JWT_SECRET, which all nodes share: then one login counts at every"
                " branch.",
                "Assine o token com JWT_SECRET, igual em todos os nós: assim um login vale em toda filial.",
            ),
        ),
        rung=1,
    ),
    Exercise(
        2,
        _said("stores", "guarda"),
        (
            _said(
                "`./lab conform` shows route by route what is missing. Begin with products, then stock,"
                " then orders.",
                "`./lab conform` mostra rota por rota o que falta. Comece por produtos, depois estoque,"
                " depois pedidos.",
            ),
            _said(
                "Check and take the units in one step that nothing comes between: a lock, or one"
                " transaction.",
                "Confira e retire as unidades em um só passo, sem nada no meio: uma trava, ou uma transação.",
            ),
            _said(
                "Remember the order of each Idempotency-Key, and look there first.",
                "Lembre o pedido de cada Idempotency-Key, e procure ali primeiro.",
            ),
        ),
        rung=2,
    ),
    Exercise(
        3,
        _said("replicates", "replica"),
        (
            _said(
                "Send each change to every peer (PEERS), and again until it is taken. `pending` counts"
                " the rest.",
                "Envie cada mudança a todo par (PEERS), e de novo até ser aceita. `pending` conta o que"
                " resta.",
            ),
            _said(
                "Send what changed (2 sold), not what the number is now (3 left): sums come out the same"
                " everywhere.",
                "Envie o que mudou (2 vendidas), não o número de agora (restam 3): somas dão o mesmo em"
                " todo lugar.",
            ),
        ),
        scenario="replicates",
    ),
    Exercise(
        4,
        _said("survives a stop", "sobrevive a uma parada"),
        (
            _said(
                "Keep everything in files whose names begin with DATABASE_PATH; SQLite is good at this.",
                "Guarde tudo em arquivos cujos nomes começam com DATABASE_PATH; o SQLite é bom nisso.",
            ),
            _said(
                "A peer that is away must not delay the others: one queue for each peer.",
                "Um par ausente não pode atrasar os outros: uma fila para cada par.",
            ),
        ),
        scenario="branch-stopped",
        rounds=10,
    ),
    Exercise(
        5,
        _said("survives kill -9", "sobrevive a kill -9"),
        (
            _said(
                "The queue is data too. Write what must be sent in the same transaction as the order (an"
                " outbox).",
                "A fila também é dado. Grave o que falta enviar na mesma transação do pedido (um outbox).",
            ),
            _said(
                "Answer 201 only when the commit is on the disk: synchronous=FULL.",
                "Responda 201 só quando o commit está no disco: synchronous=FULL.",
            ),
        ),
        scenario="killed-queue",
    ),
    Exercise(
        6,
        _said("never oversells under a cut", "nunca vende a mais em um corte"),
        (
            _said(
                "Who cannot ask must have a share of its own: give each branch units that only it may sell.",
                "Quem não pode perguntar precisa de uma cota: dê a cada filial unidades que só ela pode"
                " vender.",
            ),
            _said(
                "An adjustment says `share`: `equal` splits the units between the branches, `keep`"
                " leaves them.",
                "Um ajuste diz `share`: `equal` divide as unidades entre as filiais, `keep` as deixa"
                " onde estão.",
            ),
        ),
        scenario="cut-both-sell",
    ),
    Exercise(
        7,
        _said("survives a wipe", "sobrevive a um disco perdido"),
        (
            _said(
                "An empty node must ask its peers for all they have, and be ready (/readyz) only after that.",
                "Um nó vazio deve pedir aos pares tudo o que eles têm, e só depois ficar pronto (/readyz).",
            ),
            _said(
                "What the lost disk sold last, nobody knows. Its share may not be sold again: a new life"
                " has none.",
                "O que o disco perdido vendeu por último ninguém sabe. Sua cota não pode ser vendida de"
                " novo: uma"
                " vida nova não tem cota.",
            ),
            _said(
                "An order says in `stored_by` which peers have it, and in `epoch` which life took it"
                " (/status names"
                " the present one). Only what no peer had is excused.",
                "Um pedido diz em `stored_by` quais pares o têm, e em `epoch` que vida o aceitou"
                " (/status diz a"
                " atual). Só o que nenhum par tinha é perdoado.",
            ),
        ),
        scenario="wiped-twice",
    ),
)
