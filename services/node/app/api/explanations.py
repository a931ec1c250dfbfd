"""/problems: what each refusal means, for whoever follows a problem's `type`."""

from fastapi import APIRouter
from pydantic import BaseModel

from app.api.openapi import refusals
from app.api.problems.words import PROBLEMS
from app.domain.errors import NotFound

router = APIRouter(prefix="/problems", tags=["problems"])


class Explanation(BaseModel):
    """A problem in both languages, keyed `en` and `pt-BR`; braces stand for the data of the one at hand."""

    code: str
    status: int
    title: dict[str, str]
    detail: dict[str, str]


@router.get("/{code}", operation_id="explainProblem", responses=refusals("not_found"))
async def explain(code: str) -> Explanation:
    """What a problem's code means. No token is needed."""
    problem = PROBLEMS.get(code)
    if problem is None:
        raise NotFound("problem", code)
    return Explanation(
        code=problem.code,
        status=problem.status,
        title={"en": problem.title.en, "pt-BR": problem.title.pt},
        detail={"en": problem.detail.en, "pt-BR": problem.detail.pt},
    )
