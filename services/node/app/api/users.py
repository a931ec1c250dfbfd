"""/users: people and their roles, for administrators."""

from typing import Annotated

from fastapi import Query, Response

from app.api.dependencies import AdminOnly, CurrentActor, CurrentCaller, CurrentNode
from app.api.openapi import READ, WRITE, refusals
from app.api.pages import send_page
from app.api.pagination import PageQuery
from app.api.schemas.base import Page
from app.api.schemas.users import NewUser, PasswordReset, User, UserChange
from app.api.strictness import StrictRouter
from app.state.tables import users

router = StrictRouter(prefix="/users", tags=["users"], dependencies=[AdminOnly])


@router.post(
    "",
    operation_id="createUser",
    summary="Create a user",
    status_code=201,
    responses=refusals(*WRITE, "forbidden", "already_exists"),
)
async def create(new: NewUser, node: CurrentNode, actor: CurrentActor) -> User:
    """Their name cannot be changed later. They can log in at every branch that has received it."""
    password_hash = await node.passwords.hash(new.password.get_secret_value())
    user = users.NewUser(username=new.username, role=new.role, password_hash=password_hash)
    created = await node.database.write(lambda tx: users.create(tx, user, actor=actor))
    return User.model_validate(created)


@router.get(
    "",
    operation_id="listUsers",
    summary="List the users",
    response_model=Page[User],
    responses=refusals(*READ, "forbidden"),
)
async def index(query: Annotated[PageQuery, Query()], node: CurrentNode, caller: CurrentCaller) -> Response:
    """All users, in order of id."""
    return await send_page(node, caller, User, users.page, query)


@router.get(
    "/{user_id}",
    operation_id="getUser",
    summary="Show a user",
    responses=refusals(*READ, "forbidden", "not_found"),
)
async def show(user_id: str, node: CurrentNode) -> User:
    """One user, as they may act now."""
    found = await node.database.read(lambda connection: users.get_acting(connection, user_id))
    return User.model_validate(found)


@router.patch(
    "/{user_id}",
    operation_id="changeUser",
    summary="Change a user",
    responses=refusals(*WRITE, "forbidden", "not_found", "last_admin"),
)
async def change(user_id: str, change: UserChange, node: CurrentNode, actor: CurrentActor) -> User:
    """Change a user's role, deactivate or reactivate them. Their tokens end."""
    wanted = users.UserChange(role=change.role, active=change.active)
    changed = await node.database.write(lambda tx: users.change(tx, user_id, wanted, actor=actor))
    return User.model_validate(changed)


@router.post(
    "/{user_id}/password",
    operation_id="resetPassword",
    summary="Give a user a new password",
    responses=refusals(*WRITE, "forbidden", "not_found"),
)
async def reset_password(user_id: str, reset: PasswordReset, node: CurrentNode, actor: CurrentActor) -> User:
    """Give a user a new password. Their tokens end."""
    await node.database.read(lambda connection: users.get(connection, user_id))
    password_hash = await node.passwords.hash(reset.password.get_secret_value())
    user = await node.database.write(
        lambda tx: users.set_password(tx, user_id, password_hash, action="password_reset", actor=actor)
    )
    return User.model_validate(user)
