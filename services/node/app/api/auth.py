"""/auth: logging in, and one's own password."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Depends, Request

from app.api.dependencies import ClientAddress, CurrentActor, CurrentNode, CurrentUser
from app.api.login import change_password, log_in
from app.api.openapi import LOGIN_FORM, READ, WRITE, refusals
from app.api.schemas.auth import PasswordChange, Token
from app.api.schemas.users import User
from app.domain.errors import Invalid
from app.security.client_tokens import IssuedToken

router = APIRouter(prefix="/auth", tags=["auth"])


@dataclass(frozen=True)
class LoginForm:
    """OAuth2's password form, as far as it is used here."""

    username: str
    password: str


async def login_form(request: Request) -> LoginForm:
    """The form in the request's body. Raises Invalid. (FastAPI's own form class is a synchronous dependency
    and would run in a thread nobody injected.)"""
    form = await request.form(max_fields=10)
    texts = {name: value for name, value in form.items() if isinstance(value, str)}
    for name in ("username", "password"):
        if not texts.get(name):
            raise Invalid(name, "missing")
    if texts.get("grant_type", "password") != "password":
        raise Invalid("grant_type", "invalid")
    return LoginForm(username=texts["username"], password=texts["password"])


@router.post(
    "/login",
    operation_id="logIn",
    summary="Get a token",
    openapi_extra=LOGIN_FORM,
    responses=refusals(*READ, "throttled", "bad_request", "unsupported_media_type", "body_too_large"),
)
async def login(
    form: Annotated[LoginForm, Depends(login_form)], node: CurrentNode, address: ClientAddress
) -> Token:
    """OAuth2 password form. The token is good at every branch. After 5 failures each try waits longer."""
    return _token(await log_in(node, form.username, form.password, address=address))


@router.get("/me", operation_id="getMe", summary="Who am I", responses=refusals(*READ))
async def me(user: CurrentUser) -> User:
    """The user behind the token."""
    return User.model_validate(user.view())


@router.post(
    "/password",
    operation_id="changeMyPassword",
    summary="Change my password",
    responses=refusals(*WRITE, "throttled"),
)
async def password(
    change: PasswordChange, node: CurrentNode, user: CurrentUser, actor: CurrentActor, address: ClientAddress
) -> Token:
    """All tokens of the user end; the answer is a new one."""
    current, new = change.current_password.get_secret_value(), change.new_password.get_secret_value()
    return _token(await change_password(node, user, current=current, new=new, actor=actor, address=address))


def _token(issued: IssuedToken) -> Token:
    return Token(access_token=issued.access_token, expires_in=issued.expires_in)
