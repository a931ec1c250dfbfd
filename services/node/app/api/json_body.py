"""Reads a JSON body into a model. What it takes, and what it says of what it does not take, is the same as on
the long way through FastAPI and `app.api.strictness`."""

import json
from typing import Generic, TypeVar

from pydantic import BaseModel, TypeAdapter, ValidationError

from app.api.strictness import Fault, fault, noting_repeated

M = TypeVar("M", bound=BaseModel)


class LongWay(Exception):
    """The request has to be answered on the long way. Nothing was done."""


class JsonBody(Generic[M]):
    """Bodies of one model."""

    def __init__(self, model: type[M]) -> None:
        self._adapter = TypeAdapter(model)
        self._repeated: set[str] = set()  # of the body that is being read: one at a time is
        self._decode = json.JSONDecoder(object_pairs_hook=noting_repeated(self._repeated)).decode

    def read(self, body: bytes) -> M | list[Fault]:
        """The model, or everything in the body that does not fit. Raises LongWay for what is no JSON text at
        all. What does not fit is no exception: clients that err may be many, and each had cost more than an
        order."""
        if not body:
            raise LongWay
        self._repeated.clear()
        try:
            parsed = self._decode(body.decode(json.detect_encoding(body), "surrogatepass"))
        except json.JSONDecodeError as error:
            return [{"type": "json_invalid", "loc": ("body", error.pos), "ctx": {"error": error.msg}}]
        except (ValueError, RecursionError):
            raise LongWay from None
        faults = [fault("body", name, "repeated") for name in sorted(self._repeated)]
        try:
            found = self._adapter.validate_python(parsed, from_attributes=True)
        except ValidationError as error:
            wrong = error.errors(include_url=False, include_input=False)
            return [*faults, *({**one, "loc": ("body", *one["loc"])} for one in wrong)]
        return faults or found
