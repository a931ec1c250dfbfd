"""Reads a JSON body into a model. What it takes, and what it says of what it does not take, is the same as on
the long way through FastAPI and `app.api.strictness`."""

import json
from typing import Generic, TypeVar

from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, TypeAdapter, ValidationError

from app.api.strictness import fault, noting_repeated

M = TypeVar("M", bound=BaseModel)


class LongWay(Exception):
    """The request has to be answered on the long way. Nothing was done."""


class JsonBody(Generic[M]):
    """Bodies of one model."""

    def __init__(self, model: type[M]) -> None:
        self._adapter = TypeAdapter(model)

    def read(self, body: bytes) -> M:
        """The model. Raises RequestValidationError, and LongWay for what is no JSON text at all."""
        repeated: set[str] = set()

        if not body:
            raise LongWay
        try:
            parsed = json.loads(body, object_pairs_hook=noting_repeated(repeated))
        except json.JSONDecodeError as error:
            unreadable = {"type": "json_invalid", "loc": ("body", error.pos), "ctx": {"error": error.msg}}
            raise RequestValidationError([unreadable]) from error
        except (ValueError, RecursionError):
            raise LongWay from None
        faults = [fault("body", name, "repeated") for name in sorted(repeated)]
        try:
            found = self._adapter.validate_python(parsed, from_attributes=True)
        except ValidationError as error:
            wrong = error.errors(include_url=False, include_input=False)
            raise RequestValidationError(
                [*faults, *({**one, "loc": ("body", *one["loc"])} for one in wrong)]
            ) from None
        if faults:
            raise RequestValidationError(faults)
        return found
