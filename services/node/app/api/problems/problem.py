"""One kind of refusal, as a node answers it."""

from dataclasses import dataclass

from app.api.problems.language import Words


@dataclass(frozen=True)
class Problem:
    """One kind of refusal. `detail` may name the problem's data in braces; `retry_after` is in seconds."""

    code: str
    status: int
    title: Words
    detail: Words
    retry_after: int | None = None
