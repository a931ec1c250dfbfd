"""What all messages between nodes have in common, and how their bodies are read."""

from typing import Protocol, Self

from pydantic import BaseModel, ConfigDict
from pydantic_core import from_json


class Sent(Protocol):
    """What can be sent as a message."""

    def encoded(self) -> bytes:
        """The body of the request that says it."""


class Message(BaseModel):
    """Unknown fields from newer peers are kept, so that nothing is lost by passing through."""

    model_config = ConfigDict(extra="allow", strict=True, frozen=True)

    @classmethod
    def read(cls, body: bytes) -> Self:
        """The message that a body says. Raises ValidationError."""
        return cls.model_validate_json(body)

    def encoded(self) -> bytes:
        """The body that says this message."""
        return self.model_dump_json().encode()


class BulkyMessage(Message):
    """A message of many rows. None of its fields is a tuple, for which JSON's lists would not do."""

    @classmethod
    def read(cls, body: bytes) -> Self:
        """As `Message.read`, in less time. A text that rows repeat is one object: the rows take half of the
        memory, and what looks at them later finds it in the processor's cache."""
        try:
            said = from_json(body)
        except ValueError:
            return cls.model_validate_json(body)  # which tells what is wrong with it
        return cls.model_validate(said)
