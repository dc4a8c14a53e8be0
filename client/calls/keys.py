"""API keys: made, listed, replaced, revoked; these calls need a key with the scope `keys`."""

from collections.abc import Sequence
from typing import Any, Final
from uuid import UUID

from client.calls.reading import ask, listed, send
from client.models import Key, NewKey
from client.plans import Feed, Plan

_PATH: Final = "/v1/keys"


def create(name: str, scopes: Sequence[str], *, expires_at: str | None = None) -> Plan[NewKey]:
    """Make a key that may do no more than this client's; `expires_at` is RFC 3339 or a duration such as P90D.

    The key is in the answer, this once. An answer that got lost may be replayed without it: then revoke, make another.
    """
    body: dict[str, Any] = {"name": name, "scopes": list(scopes)}
    if expires_at is not None:
        body["expires_at"] = expires_at
    return ask(NewKey, "POST", _PATH, body={"json": body})


def list_(*, limit: int | None = None) -> Feed[Key]:
    """The keys of this tenant, newest first, with those that open nothing any more."""
    return listed(Key, _PATH, limit)


def get(key_id: UUID) -> Plan[Key]:
    """One key; NotFoundError."""
    return ask(Key, "GET", f"{_PATH}/{key_id}")


def rotate(key_id: UUID, *, until: str | None = None, expires_at: str | None = None) -> Plan[NewKey]:
    """Make a key in the place of this one; with `until` (RFC 3339 or a duration) both open until then."""
    body = {
        name: value for name, value in (("until", until), ("expires_at", expires_at)) if value is not None
    }
    return ask(NewKey, "POST", f"{_PATH}/{key_id}/rotate", body={"json": body})


def revoke(key_id: UUID) -> Plan[None]:
    """Revoke a key: it opens nothing from now on."""
    return send("DELETE", f"{_PATH}/{key_id}")
