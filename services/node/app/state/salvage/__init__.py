"""Bringing back what a damaged file still holds, once it was set aside.

finds      what is known of the file, row by row, before anything is believed
verified   the rows of it that are what a node wrote
merging    those rows as commands, few rows each, for the database that goes on
account    what came back of the file and what did not, as the node keeps and shows it
"""

from app.state.salvage.account import Account, accounts, forget_absent, may_be_removed, read_account, recount
from app.state.salvage.merging import Salvage, commands, finish
from app.state.salvage.verified import Outcome, VerifiedRows, remove_left_over, verified_rows

__all__ = [
    "Account",
    "Outcome",
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
