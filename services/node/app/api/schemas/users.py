"""Users, as administrators see them."""

from typing import Self

from pydantic import ConfigDict, model_validator

from app.api.schemas.auth import NewPassword
from app.api.schemas.base import Answer, Body, NewKey, changes_something, shows
from app.domain.user import Role


class User(Answer):
    """A person who may act at the branches while `active`."""

    model_config = shows(
        {"id": "94adc724-d295-5ec4-bf82-2726eac972e6", "username": "ana", "role": "operador", "active": True}
    )

    id: str
    username: str
    role: Role
    active: bool


class NewUser(Body):
    """A user to create. The username cannot be changed later."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"username": "ana", "password": "correct horse battery", "role": "operador"}]
        }
    )

    username: NewKey
    password: NewPassword
    role: Role


class UserChange(Body):
    """What to change of a user; a field that is left out stays."""

    model_config = ConfigDict(
        json_schema_extra={"minProperties": 1, "examples": [{"role": "admin"}, {"active": False}]}
    )

    role: Role | None = None
    active: bool | None = None

    @model_validator(mode="after")
    def _changes_something(self) -> Self:
        changes_something(self)
        return self


class PasswordReset(Body):
    """A new password for a user who lost theirs."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"password": "correct horse battery"}]})

    password: NewPassword
