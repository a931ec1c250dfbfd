"""The words of a story."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from branchlab.language import Language, localised, tables


class FaultWords(NamedTuple):
    """A fault of a node or of links, to be said in either language."""

    fault: str
    target: str


def fault_in_words(fault: str, target: str) -> FaultWords:
    """Such as "filial-sul parada" or "matriz↔filial-sul cortado", once it is said in a language."""
    return FaultWords(fault, target)


def told(value: Any, language: Language) -> Any:
    """A fact as that language writes it."""
    if isinstance(value, FaultWords):
        return f"{value.target} {FAULTS[language].get(value.fault, value.fault)}"
    if isinstance(value, Mapping):
        return value[language]
    if isinstance(value, float):
        return localised(f"{value:.1f}", language)
    return value


FAULTS = tables(
    {
        "stop": "stopped",
        "pause": "paused",
        "kill": "killed (kill -9)",
        "wipe": "with its disk lost",
        "restore": "restored from a copy",
        "corrupt": "with its disk damaged",
        "fill": "with its disk full",
        "cut": "cut",
        "slow": "slow",
        "flaky": "flaky",
        "duplicate": "with calls repeated",
        "reorder": "with calls out of order",
        "batch": "with small batches",
        "skew": "with a wrong clock",
    }
)

STORY = tables(
    {
        "began": "The log of {what} begins, with {nodes} branches.",
        "broke": "{fault}.",
        "seen": "{fault}: the nodes say so.",
        "mended": "Healed after {seconds} s: {fault}.",
        "lease_ended": "Ended by itself after {seconds} s: {fault}.",
        "silent": "{node} does not answer: what it has is unknown.",
        "answers_again": "{node} answers again, after {seconds} s.",
        "pending": "{count} events wait for {node}.",
        "drained": "{node} received all that was pending.",
        "refused": "{node} refused {count} order(s): {code}.",
        "refused_out_of_stock": "{node} refused {count} order(s): no rights left to sell.",
        "refused_unreachable": "{node} could not be reached: {count} order(s) were not even sent.",
        "refused_unauthorized": "{node} refused {count} order(s): nobody said who asks.",
        "refused_forbidden": "{node} refused {count} order(s): whoever asks may not do that.",
        "oversold": "OVERSOLD: {node} sees {count} units that are not there.",
        "disk_lost": "{node} lost its disk; {count} confirmed orders were on it alone.",
        "judged_PASS": "Verdict PASS: {count} orders acknowledged, every promise holds.",
        "judged_FAIL": "Verdict FAIL: {why}",
        "judged_UNKNOWN": "Verdict UNKNOWN: nobody can say yet.",
        "converged": "Converged after {seconds} s: all branches show the same.",
        "hand_order_ok": "Sold by hand at {node}: {quantity} × {sku}, confirmed.",
        "hand_order_fail": "Sale by hand at {node}: {quantity} × {sku}, refused ({why}).",
        "hand_order_info": "Sale by hand at {node}: {quantity} × {sku}, no answer ({why}).",
        "hand_adjust_ok": "Adjusted by hand at {node}: {quantity} × {sku}.",
        "hand_cancel_ok": "Returned at {node}: order {order} is cancelled.",
        "hand_ok": "By hand at {node}: {action}, done.",
        "hand_fail": "By hand at {node}: {action}, refused ({why}).",
        "hand_info": "By hand at {node}: {action}, no answer ({why}).",
        "question": "A question to the class: {text}",
        "question_closed": "Voting is over: {count} votes.",
        "lesson_step": "Step {number} of {of}: {step}.",
        "run_followed": "{run} began on this network.",
        "run_over": "{run} ended.",
    }
)
