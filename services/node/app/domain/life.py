"""One life of one branch's disk, and its one form as a text. Pure."""

from typing import NamedTuple


class Life(NamedTuple):
    """One life of a branch's disk, until the disk is lost, goes back to an earlier copy or is copied. Rights
    belong to a life, never to a branch. `epoch` is drawn when the life begins."""

    branch: str
    epoch: str

    @property
    def key(self) -> str:
        """The life as a text, "branch@epoch": in messages, in the API and in the audit."""
        return f"{self.branch}@{self.epoch}"

    @classmethod
    def parse(cls, key: str) -> "Life":
        """The life that a `key` names. A part that the text lacks is empty, as no real life's is."""
        branch, _, epoch = key.partition("@")
        return cls(branch, epoch)
