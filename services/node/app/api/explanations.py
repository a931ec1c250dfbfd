"""/problems: what each refusal means, for whoever follows a problem's `type`."""

from pydantic import BaseModel

from app.api.openapi import refusals
from app.api.problems.words import PROBLEMS
from app.api.schemas.base import shows
from app.api.strictness import StrictRouter
from app.domain.errors import NotFound

router = StrictRouter(prefix="/problems", tags=["problems"])


class Explanation(BaseModel):
    """A problem in both languages, keyed `en` and `pt-BR`; braces stand for the data of the one at hand."""

    model_config = shows(
        {
            "code": "forbidden",
            "status": 403,
            "title": {"en": "Not allowed", "pt-BR": "Não permitido"},
            "detail": {"en": "This takes the role {role}.", "pt-BR": "Isto exige o papel {role}."},
        }
    )

    code: str
    status: int
    title: dict[str, str]
    detail: dict[str, str]


@router.get(
    "/{code}",
    operation_id="explainProblem",
    summary="Explain a refusal",
    responses=refusals("not_found", "validation"),
)
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
