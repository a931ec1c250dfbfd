"""A life: one disk of one branch, and its one form as a text. Pure."""

from typing import NamedTuple


class Life(NamedTuple):
    """One life of a branch's disk. It ends when the disk is lost, goes back to an earlier copy, or is copied.
    Rights belong to a life, never to a branch. `epoch` is drawn at random when the life begins."""

    branch: str
    epoch: str

    @property
    def key(self) -> str:
        """The life as a text, "branch@epoch": in messages, in the API and in the audit."""
        return f"{self.branch}@{self.epoch}"

    @classmethod
    def parse(cls, key: str) -> "Life":
        """The life that a `key` names. A part that the text lacks is empty; no real life has an empty
        part."""
        branch, _, epoch = key.partition("@")
        return cls(branch, epoch)
