"""The audience's routes: a page, what it shows, and a vote. Nothing else can be asked for."""

import secrets
from collections import Counter
from pathlib import Path

from fastapi import APIRouter, Cookie, Request, Response
from fastapi.responses import FileResponse, HTMLResponse, JSONResponse
from pydantic import BaseModel, Field

from branchlab.checking.timeline.questions import MOST_POINTS
from branchlab.language import Language, language_called
from branchlab.screens.audience.hall import Hall, page

_HERE = Path(__file__).parent
_VOTER = "voter"
_VOTER_BYTES = 16
MOST_VOTERS, MOST_AT_ONE_ADDRESS = 500, 5
"""More than a class has, and more than a phone has browsers: nobody can make up voters at will, or use them
up for the others."""


class Vote(BaseModel):
    """One phone's choice."""

    question: int = Field(ge=1)
    choice: int | None = Field(None, ge=0, le=20)
    number: float | None = Field(None, ge=0, le=1e9)
    line: list[tuple[float, float]] | None = Field(None, min_length=2, max_length=MOST_POINTS)

    @property
    def said(self) -> object:
        """The choice, the number or the line."""
        return (
            self.choice if self.choice is not None else self.number if self.number is not None else self.line
        )


def audience_routes(hall: Hall) -> APIRouter:
    """The routes over one hall."""
    routes = APIRouter(prefix="/audience")
    voters: set[str] = set()
    at_address: Counter[str] = Counter()

    @routes.get("")
    async def look(lang: str = "pt-BR") -> HTMLResponse:
        """The page. Whoever opens it first gets a random number to vote with."""
        return HTMLResponse(page(_language(lang)))

    @routes.get("/phone.css")
    async def style() -> FileResponse:
        return FileResponse(_HERE / "phone.css", media_type="text/css")

    @routes.get("/phone.js")
    async def script() -> FileResponse:
        return FileResponse(_HERE / "phone.js", media_type="text/javascript")

    @routes.get("/state")
    async def state(request: Request, lang: str = "pt-BR", voter: str = Cookie("")) -> Response:
        """What is to be seen now."""
        answer = JSONResponse(hall.shown(_language(lang), voter))
        address = request.client.host if request.client is not None else ""
        is_new = voter not in voters and len(voters) < MOST_VOTERS
        if is_new and at_address[address] < MOST_AT_ONE_ADDRESS:
            given = secrets.token_urlsafe(_VOTER_BYTES)
            voters.add(given)
            at_address[address] += 1
            answer.set_cookie(_VOTER, given, httponly=True, samesite="strict", path="/audience")
        return answer

    @routes.post("/vote")
    async def vote(vote: Vote, voter: str = Cookie("")) -> Response:
        """Takes a vote: 204, or 409 where it does not count."""
        counts = voter in voters and hall.vote(voter, vote.question, vote.said)
        return Response(status_code=204 if counts else 409)

    return routes


def _language(asked: str) -> Language:
    return language_called(asked) or "pt-BR"
