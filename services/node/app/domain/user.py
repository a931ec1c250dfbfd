"""A user as a value, and how two versions of one become one. Pure.

Credentials and role are two groups, each last-writer-wins under its own stamp. So a password reset on one
side of a partition and a role change on the other both survive. Activity is different: a deactivation wins
over every edit made without knowledge of it.

Which user acts as administrator when a merge leaves no active one: `app.domain.admins`.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from app.domain import forms, identity, text
from app.domain.errors import Invalid
from app.domain.forms import Row
from app.domain.lww import Activity, Edit, Stamp, newer
from app.domain.row_checks import Fields

Role = Literal["admin", "operador"]
ROLES: tuple[Role, ...] = ("admin", "operador")

ADMIN_UNTIL = "admin_until"  # a field of revision 2

# bcrypt with 2^4 to 2^16 rounds: a hash with more, taken from a peer, could keep a thread busy for hours.
_PASSWORD_HASH = re.compile(r"\$2b\$(0[4-9]|1[0-6])\$[./A-Za-z0-9]{53}")


@dataclass(frozen=True)
class User:
    """One user. `token_version` rises with every change that must end the tokens in use; `beyond` are fields
    of later revisions (app.domain.forms)."""

    id: str
    username: str
    password_hash: str
    credentials: Stamp
    role: Role
    role_stamp: Stamp
    activity: Activity
    token_version: int
    beyond: Mapping[str, Any] = field(default_factory=dict)

    @property
    def active(self) -> bool:
        return self.activity.active

    @property
    def active_admin(self) -> bool:
        return self.active and self.role == "admin"

    @property
    def admin_until(self) -> int:
        """The logical time at which the user was last removed from the active administrators; 0 for never."""
        return int(self.beyond.get(ADMIN_UNTIL, 0))

    @property
    def was_admin(self) -> bool:
        """Whether the user is an administrator, or was one, active or not."""
        return self.role == "admin" or self.admin_until > 0

    @property
    def credentials_id(self) -> str:
        """The name of the edit that set this password. Another password has another one."""
        return f"{self.credentials.lamport}:{self.credentials.node}:{self.credentials.epoch}"

    def with_role(self, role: Role, *, stamp: Stamp) -> "User":
        return replace(self, role=role, role_stamp=stamp, token_version=self.token_version + 1)

    def with_password(self, password_hash: str, *, stamp: Stamp) -> "User":
        return replace(
            self, password_hash=password_hash, credentials=stamp, token_version=self.token_version + 1
        )

    def deactivated(self, *, stamp: Stamp) -> "User":
        activity = self.activity.deactivated(epoch=stamp.epoch, lamport=stamp.lamport)
        return replace(self, activity=activity, token_version=self.token_version + 1)

    def reactivated(self) -> "User":
        return replace(self, activity=self.activity.reactivated())

    def removed_from_admins(self, *, lamport: int) -> "User":
        """This user, marked as removed from the active administrators at that logical time."""
        return replace(self, beyond={**self.beyond, ADMIN_UNTIL: lamport})

    def as_active_admin(self) -> "User":
        """This user as an active administrator. It is a reading: no edit has made them one."""
        return replace(self, role="admin", activity=self.activity.reactivated())

    def merge(self, other: "User") -> "User":
        """This user and another version of it as one; the same result in any order."""
        credentials = other if newer(self._credentials_edit(), other._credentials_edit()) else self
        role = other if newer(self._role_edit(), other._role_edit()) else self
        return User(
            id=self.id,
            username=credentials.username,
            password_hash=credentials.password_hash,
            credentials=credentials.credentials,
            role=role.role,
            role_stamp=role.role_stamp,
            activity=self.activity.merge(other.activity),
            token_version=max(self.token_version, other.token_version),
            beyond=self._merged_beyond(other),
        )

    @classmethod
    def from_row(cls, row: Mapping[str, Any]) -> "User":
        """The user of a canonical row."""
        return cls(
            id=row["id"],
            username=row["username"],
            password_hash=row["password_hash"],
            credentials=Stamp(row["credentials_lamport"], row["credentials_node"], row["credentials_epoch"]),
            role=row["role"],
            role_stamp=Stamp(row["role_lamport"], row["role_node"], row["role_epoch"]),
            activity=Activity(row["deactivations"], row["reactivations"]),
            token_version=row["token_version"],
            beyond=forms.of("users").beyond(row),
        )

    @classmethod
    def from_json(cls, body: object, *, cluster_id: str) -> "User":
        """The user that a peer sent. Raises Invalid for one that no node could have written."""
        form = forms.of("users")
        fields = Fields("user", body, form.columns)
        role = fields.text("role", longest=text.KEY)
        if role not in ROLES:
            raise Invalid("role", "unknown_role")
        password_hash = fields.text("password_hash", longest=text.NAME)
        if not _PASSWORD_HASH.fullmatch(password_hash):
            raise Invalid("password_hash", "not_a_password_hash")
        return cls(
            id=fields.require_id(identity.user_id, cluster_id, "username"),
            username=fields.text("username", longest=text.KEY),
            password_hash=password_hash,
            credentials=fields.stamp("credentials_lamport", "credentials_node", "credentials_epoch"),
            role=role,
            role_stamp=fields.stamp("role_lamport", "role_node", "role_epoch"),
            activity=Activity(fields.naturals("deactivations"), fields.naturals("reactivations")),
            token_version=fields.natural("token_version"),
            beyond=form.checked_beyond(fields.row),
        )

    def as_json(self) -> Row:
        """The canonical row for the wire and the digest. It holds the password's hash."""
        return {
            "id": self.id,
            "username": self.username,
            "password_hash": self.password_hash,
            "credentials_lamport": self.credentials.lamport,
            "credentials_node": self.credentials.node,
            "credentials_epoch": self.credentials.epoch,
            "role": self.role,
            "role_lamport": self.role_stamp.lamport,
            "role_node": self.role_stamp.node,
            "role_epoch": self.role_stamp.epoch,
            "deactivations": dict(self.activity.deactivations),
            "reactivations": dict(self.activity.reactivations),
            "token_version": self.token_version,
            **self.beyond,
        }

    def audited(self) -> Row:
        """The row without its secret."""
        row = self.as_json()
        del row["password_hash"]
        return row

    def _credentials_edit(self) -> Edit:
        # The spelling of the username goes with the credentials: whoever created the user set both.
        return Edit(self.credentials, f"{self.username}\0{self.password_hash}".encode())

    def _merged_beyond(self, other: "User") -> Mapping[str, Any]:
        beyond = max(self, other, key=User._last_edit).beyond
        until = max(self.admin_until, other.admin_until)
        return {**beyond, ADMIN_UNTIL: until} if until else beyond

    def _last_edit(self) -> tuple[Stamp, str]:
        """The last edit of the user. Of two with the same stamp, the one with the greater bytes counts."""
        return max(self.credentials, self.role_stamp), forms.encoded_extra(self.beyond) or ""

    def _role_edit(self) -> Edit:
        return Edit(self.role_stamp, self.role.encode())
