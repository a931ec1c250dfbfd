"""Logging in, and who one is."""

from typing import Annotated, Literal

from pydantic import AfterValidator, ConfigDict, Field, SecretStr
from pydantic_core import PydanticCustomError

from app.api.schemas.base import Answer, Body, shows
from app.security.passwords import LONGEST_BYTES, SHORTEST, password_fault


def _strong(password: SecretStr) -> SecretStr:
    if reason := password_fault(password.get_secret_value()):
        raise PydanticCustomError(reason, "The password does not fit: {reason}", {"reason": reason})
    return password


NewPassword = Annotated[
    SecretStr,
    AfterValidator(_strong),
    Field(
        description=f"At least {SHORTEST} characters, at most {LONGEST_BYTES} bytes of UTF-8.",
        examples=["correct horse battery"],
        # Characters: no document can count bytes.
        json_schema_extra={"minLength": SHORTEST, "maxLength": LONGEST_BYTES, "pattern": r"^[^\x00]*$"},
    ),
]


class Token(Answer):
    """A client token for `Authorization: Bearer`; good for `expires_in` seconds at every branch."""

    model_config = shows(
        {
            "access_token": "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiI5NGFkYzcyNCJ9.c2lnbmF0dXJl",
            "token_type": "bearer",
            "expires_in": 28800,
        }
    )

    access_token: str
    token_type: Literal["bearer"] = "bearer"  # noqa: S105  # the word of RFC 6750, no secret
    expires_in: int


class PasswordChange(Body):
    """A user's own new password; the present one proves who asks."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"current_password": "first password", "new_password": "correct horse battery"}]
        }
    )

    current_password: SecretStr
    new_password: NewPassword
