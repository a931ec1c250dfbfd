"""/auth: logging in, and one's own password."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request

from app.api.dependencies import ClientAddress, CurrentActor, CurrentNode, CurrentUser
from app.api.login import change_password, log_in
from app.api.openapi import LOGIN_FORM, READ, WRITE, refusals
from app.api.schemas.auth import PasswordChange, Token
from app.api.schemas.users import User
from app.api.strictness import StrictRouter
from app.domain.errors import Invalid
from app.security.client_tokens import IssuedToken

router = StrictRouter(prefix="/auth", tags=["auth"])


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
        if len(form.getlist(name)) > 1:
            raise Invalid(name, "repeated")
        if not texts.get(name):
            raise Invalid(name, "missing")
    if texts.get("grant_type", "password") != "password":
        raise Invalid("grant_type", "invalid")
    return LoginForm(username=texts["username"], password=texts["password"])


@router.post(
    "/login",
    operation_id="logIn",
    summary="Log in",
    openapi_extra=LOGIN_FORM,
    responses=refusals(
        *READ,
        "throttled",
        "logins_busy",
        "bad_request",
        "unsupported_media_type",
        "body_too_large",
        "bodies_full",
        "slow_body",
    ),
)
async def login(
    request: Request,
    form: Annotated[LoginForm, Depends(login_form)],
    node: CurrentNode,
    address: ClientAddress,
) -> Token:
    """Get a token for a username and a password, by OAuth2's password form. It is good at every branch.
    After 5 failures each try waits longer."""
    gone = request.is_disconnected
    return _token(await log_in(node, form.username, form.password, address=address, abandoned=gone))


@router.get("/me", operation_id="getMe", summary="Show who is logged in", responses=refusals(*READ))
async def me(user: CurrentUser) -> User:
    """The user that the token belongs to, as they may act now."""
    return User.model_validate(user)


@router.post(
    "/password",
    operation_id="changeMyPassword",
    summary="Change my password",
    responses=refusals(*WRITE, "throttled", "logins_busy"),
)
async def password(
    *,
    request: Request,
    change: PasswordChange,
    node: CurrentNode,
    user: CurrentUser,
    actor: CurrentActor,
    address: ClientAddress,
) -> Token:
    """All tokens of the user end; the answer is a new one."""
    issued = await change_password(
        node,
        user,
        current=change.current_password.get_secret_value(),
        new=change.new_password.get_secret_value(),
        actor=actor,
        address=address,
        abandoned=request.is_disconnected,
    )
    return _token(issued)


def _token(issued: IssuedToken) -> Token:
    return Token(access_token=issued.access_token, expires_in=issued.expires_in)
