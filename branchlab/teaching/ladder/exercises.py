"""The seven exercises: what a node must do, the scenario that shows it, and hints."""

from dataclasses import dataclass

from branchlab.language import N_


@dataclass(frozen=True)
class Exercise:
    """One step of the ladder. The first ones are judged by checks of that `rung`, the others by a scenario.

    Title and hints are keys of the catalogue."""

    number: int
    title: str
    hints: tuple[str, ...]
    scenario: str | None = None
    rung: int | None = None
    rounds: int | None = None


EXERCISES: tuple[Exercise, ...] = (
    Exercise(
        1,
        N_("answers"),
        (
            N_(
                "Listen where --host and --port say. /healthz and /readyz need no token; everything else"
                " does."
            ),
            N_(
                "Sign the token with JWT_SECRET, which all nodes share: then one login counts at every"
                " branch."
            ),
        ),
        rung=1,
    ),
    Exercise(
        2,
        N_("stores"),
        (
            N_(
                "`./lab conform` shows route by route what is missing. Begin with products, then stock,"
                " then orders."
            ),
            N_(
                "Check and take the units in one step that nothing comes between: a lock, or one transaction."
            ),
            N_("Remember the order of each Idempotency-Key, and look there first."),
        ),
        rung=2,
    ),
    Exercise(
        3,
        N_("replicates"),
        (
            N_(
                "Send each change to every peer (PEERS), and again until it is taken. `pending` counts"
                " the rest."
            ),
            N_(
                "Send what changed (2 sold), not what the number is now (3 left): sums come out the same"
                " everywhere."
            ),
        ),
        scenario="replicates",
    ),
    Exercise(
        4,
        N_("survives a stop"),
        (
            N_("Keep everything in files whose names begin with DATABASE_PATH; SQLite is good at this."),
            N_("A peer that is away must not delay the others: one queue for each peer."),
        ),
        scenario="branch-stopped",
        rounds=10,
    ),
    Exercise(
        5,
        N_("survives kill -9"),
        (
            N_(
                "The queue is data too. Write what must be sent in the same transaction as the order (an"
                " outbox)."
            ),
            N_("Answer 201 only when the commit is on the disk: synchronous=FULL."),
        ),
        scenario="killed-queue",
    ),
    Exercise(
        6,
        N_("never oversells under a cut"),
        (
            N_("Who cannot ask must have a share of its own: give each branch units that only it may sell."),
            N_(
                "An adjustment says `share`: `equal` splits the units between the branches, `keep`"
                " leaves them."
            ),
        ),
        scenario="cut-both-sell",
    ),
    Exercise(
        7,
        N_("survives a wipe"),
        (
            N_("An empty node must ask its peers for all they have, and be ready (/readyz) only after that."),
            N_(
                "What the lost disk sold last, nobody knows. Its share may not be sold again: a new life"
                " has none."
            ),
            N_(
                "An order says in `stored_by` which peers have it, and in `epoch` which life took it"
                " (/status names the present one). Only what no peer had is excused."
            ),
        ),
        scenario="wiped-twice",
    ),
)
