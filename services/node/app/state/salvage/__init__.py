"""Brings back what a damaged file still holds, once it was set aside.

- `finds`: everything read from the file, row by row, before it is verified
- `verified`: those of its rows that fit their seals
- `merging`: these rows as commands of few rows each, for the database in use
- `account`: what came back of the file and what did not, as the node keeps and shows it
"""

from app.state.salvage.account import Account, accounts, forget_absent, may_be_removed, read_account, recount
from app.state.salvage.merging import Salvage, commands, finish
from app.state.salvage.verified import Comparison, VerifiedRows, remove_left_over, verified_rows

__all__ = [
    "Account",
    "Comparison",
    "Salvage",
    "VerifiedRows",
    "accounts",
    "commands",
    "finish",
    "forget_absent",
    "may_be_removed",
    "read_account",
    "recount",
    "remove_left_over",
    "verified_rows",
]
