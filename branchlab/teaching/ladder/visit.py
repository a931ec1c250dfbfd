"""One node as a check visits it: raw answers over HTTP, and what is expected of them."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx

from branchlab.language import _
from branchlab.networks.words import reason_words
from branchlab.nodes.reasons import reason_of

USERS_PASSWORD = "correct horse 7 battery"  # noqa: S105 - of users that a check makes


class NotAskedError(Exception):
    """What the check needs, an earlier check did not make."""


class Broken(Exception):
    """The node does not keep the contract; the message says where, in few words of the language spoken."""


@dataclass
class Visit:
    """A node, the admin's credentials, and what earlier checks made there. Names with `tag` are free."""

    http: httpx.AsyncClient
    username: str
    password: str
    tag: str
    peers: tuple["Visit", ...] = ()
    token: str | None = None
    made: dict[str, Any] = field(default_factory=dict)

    @property
    def sku(self) -> str:
        return f"{self.tag}-CAFE"

    @property
    def customer(self) -> str:
        return f"{self.tag}-SOL"

    async def ask(
        self,
        method: str,
        path: str,
        *,
        status: int | Collection[int],
        json: Any = None,
        data: Mapping[str, str] | None = None,
        key: str | None = None,
        token: str | None = "",
    ) -> Any:
        """The JSON of the answer, None where it has none. Broken unless it has one of the statuses.

        `token` is the admin's when not given, and None for a request without one."""
        headers = {} if key is None else {"Idempotency-Key": key}
        if token == "" and self.token is None:
            raise NotAskedError
        if (bearer := self.token if token == "" else token) is not None:
            headers["Authorization"] = f"Bearer {bearer}"
        try:
            answer = await self.http.request(method, path, json=json, data=data, headers=headers)
        except httpx.HTTPError as error:
            raise Broken(f"{method} {path}: {reason_words(reason_of(error))}") from None
        wanted = {status} if isinstance(status, int) else {*status}
        if answer.status_code not in wanted:
            raise Broken(
                _(
                    "{route}: {status}, not {expected}{said}",
                    route=f"{method} {path}",
                    status=answer.status_code,
                    expected=_(" or ").join(map(str, sorted(wanted))),
                    said=_said(answer),
                )
            )
        return _json(answer)

    async def refused(
        self, method: str, path: str, *, status: int, code: str | None = None, **request: Any
    ) -> None:
        """Broken unless the node refuses with that status, and names that code in the answer's body."""
        answer = await self.ask(method, path, status=status, **request)
        named = answer.get("code") if isinstance(answer, dict) else None
        if code is not None and named != code:
            raise Broken(
                _(
                    "{route}: {status} with the code {named!r}, not {code!r}",
                    route=f"{method} {path}",
                    status=status,
                    named=named,
                    code=code,
                )
            )

    async def log_in(self, username: str, password: str) -> str:
        """The token of that user."""
        form = {"username": username, "password": password, "grant_type": "password"}
        answer = await self.ask("POST", "/auth/login", status=200, data=form, token=None)
        return text(answer, "access_token")

    async def items(self, path: str) -> list[Any]:
        """All items of a list, two at a time, by its cursor."""
        found: list[Any] = []
        after: str | None = None
        while True:
            cursor = "" if after is None else f"&after={after}"
            page = has(await self.ask("GET", f"{path}?limit=2{cursor}", status=200), "items", "next")
            if len(page["items"]) > 2:
                raise Broken(_("GET {path}?limit=2: a page of {n}", path=path, n=len(page["items"])))
            found += page["items"]
            if page["next"] is None:
                return found
            if page["next"] == after or not page["items"]:
                raise Broken(_("GET {path}: `next` leads nowhere", path=path))
            after = page["next"]

    def need(self, name: str) -> Any:
        """What an earlier check made."""
        if name not in self.made:
            raise NotAskedError
        return self.made[name]

    async def available(self) -> int:
        """Units of the check's product that are there to sell."""
        return number(await self.ask("GET", f"/stock/{self.sku}", status=200), "available")

    async def order(self, quantity: int, *, key: str, status: int = 201, **changes: Any) -> Any:
        """Orders the check's product for its customer."""
        wanted = {"customer": self.customer, "lines": [{"sku": self.sku, "quantity": quantity}], **changes}
        return await self.ask("POST", "/orders", status=status, json=wanted, key=f"{self.tag}-{key}")


def has(answer: Any, *names: str) -> dict[str, Any]:
    """The answer as an object with these fields; Broken names the first that is missing."""
    if not isinstance(answer, dict):
        raise Broken(_("the answer is no object: {answer!r:.60}", answer=answer))
    for name in names:
        if name not in answer:
            raise Broken(_("the answer lacks `{name}`", name=name))
    return answer


def number(answer: Any, name: str) -> int:
    """A field that is a whole number."""
    value = has(answer, name)[name]
    if not isinstance(value, int) or isinstance(value, bool):
        raise Broken(_("`{name}` is no whole number: {value!r:.40}", name=name, value=value))
    return value


def text(answer: Any, name: str) -> str:
    """A field that is a text, and not empty."""
    value = has(answer, name)[name]
    if not isinstance(value, str) or not value:
        raise Broken(_("`{name}` is no text: {value!r:.40}", name=name, value=value))
    return value


def same(what: str, found: object, expected: object) -> None:
    """Broken unless the two are equal."""
    if found != expected:
        raise Broken(
            _(
                "{what} is {found!r:.60}, not {expected!r:.60}",
                what=what,
                found=found,
                expected=expected,
            )
        )


def _json(answer: httpx.Response) -> Any:
    try:
        return answer.json() if answer.content else None
    except ValueError:
        return None


def _said(answer: httpx.Response) -> str:
    body = _json(answer)
    said = (body.get("code") or body.get("detail")) if isinstance(body, dict) else None
    return f" ({said})" if said else ""
