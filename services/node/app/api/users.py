"""/users: people and their roles, for administrators."""

from typing import Annotated

from fastapi import APIRouter, Query

from app.api.dependencies import AdminOnly, CurrentActor, CurrentNode
from app.api.openapi import READ, WRITE, refusals
from app.api.pagination import PageQuery, as_page
from app.api.schemas.base import Page
from app.api.schemas.users import NewUser, PasswordReset, User, UserChange
from app.state.tables import users

router = APIRouter(prefix="/users", tags=["users"], dependencies=[AdminOnly])


@router.post(
    "",
    operation_id="createUser",
    status_code=201,
    responses=refusals(*WRITE, "forbidden", "already_exists"),
)
async def create(new: NewUser, node: CurrentNode, actor: CurrentActor) -> User:
    """Create a user."""
    password_hash = await node.passwords.hash(new.password.get_secret_value())
    user = users.NewUser(username=new.username, role=new.role, password_hash=password_hash)
    shown = await node.database.write(lambda tx: users.create(tx, user, actor=actor))
    return User.model_validate(shown)


@router.get("", operation_id="listUsers", responses=refusals(*READ, "forbidden"))
async def index(query: Annotated[PageQuery, Query()], node: CurrentNode) -> Page[User]:
    """All users, in order of id."""
    found = await node.database.read(lambda c: users.page(c, query.after or "", query.limit + 1))
    return as_page(Page[User], found, query.limit)


@router.get(
    "/{user_id}",
    operation_id="getUser",
    responses=refusals(*READ, "forbidden", "not_found"),
)
async def show(user_id: str, node: CurrentNode) -> User:
    """One user."""
    shown = await node.database.read(lambda connection: users.view(connection, user_id))
    return User.model_validate(shown)


@router.patch(
    "/{user_id}",
    operation_id="changeUser",
    responses=refusals(*WRITE, "forbidden", "not_found", "last_admin"),
)
async def change(user_id: str, change: UserChange, node: CurrentNode, actor: CurrentActor) -> User:
    """Change a user's role, deactivate or reactivate them. Their tokens end."""
    wanted = users.UserChange(role=change.role, active=change.active)
    shown = await node.database.write(lambda tx: users.change(tx, user_id, wanted, actor=actor))
    return User.model_validate(shown)


@router.post(
    "/{user_id}/password",
    operation_id="resetPassword",
    responses=refusals(*WRITE, "forbidden", "not_found"),
)
async def reset_password(user_id: str, reset: PasswordReset, node: CurrentNode, actor: CurrentActor) -> User:
    """Give a user a new password. Their tokens end."""
    await node.database.read(lambda connection: users.view(connection, user_id))
    password_hash = await node.passwords.hash(reset.password.get_secret_value())
    user = await node.database.write(
        lambda tx: users.set_password(tx, user_id, password_hash, action="password_reset", actor=actor)
    )
    return User.model_validate(user.view())
