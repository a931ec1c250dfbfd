"""One life of one branch's disk, and its one form as a text. Pure."""

from typing import NamedTuple


class Life(NamedTuple):
    """A branch's disk from one beginning to its loss, or to a copy's: rights belong to a life, never to a
    branch. `epoch` is drawn at its beginning."""

    branch: str
    epoch: str

    @property
    def key(self) -> str:
        """The life as a text, "branch@epoch": in messages, in the API and in the audit."""
        return f"{self.branch}@{self.epoch}"

    @classmethod
    def parse(cls, key: str) -> "Life":
        """The life that a `key` names. What a text lacks is empty; no life is named so."""
        branch, _, epoch = key.partition("@")
        return cls(branch, epoch)
