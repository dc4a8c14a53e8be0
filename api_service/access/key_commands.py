"""`python -m api_service keys`: keys from the command line, for whoever runs the service; the first one above all."""

import argparse
import asyncio
import sys
from collections.abc import Sequence
from datetime import datetime
from typing import Final
from uuid import UUID

from api_service.access.audit_records import COMMAND, note
from api_service.access.key_records import KeyRecord, KeyRepository
from api_service.access.keys import draft_key
from api_service.access.tokens import new_token
from shared.database import Connection, Pool, check_schema, open_pool, transaction
from shared.errors import SetupError
from shared.pepper import Pepper
from shared.schemas.keys import KeyStatus
from shared.schemas.wire_types import point_in_time
from shared.scopes import Scope
from shared.settings import ApiSettings
from shared.tenants import DEFAULT_TENANT

_EVERYDAY: Final = (Scope.SESSIONS_READ, Scope.SESSIONS_WRITE)
_ABOUT: Final = """\
Make, list, replace and revoke keys. Needs DATABASE_URL and TRANSCRIPTS_PEPPER, as the API has them.

`create` and `rotate` write the key, and nothing else, to standard output; it is shown this once, and kept as a hash.
"""


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the `keys` command."""
    keys = commands.add_parser(
        "keys", help="make, list, replace and revoke keys", description=_ABOUT,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    keys.set_defaults(run=run)
    actions = keys.add_subparsers(dest="action", required=True)
    create = actions.add_parser("create", help="make a key and write it to standard output")
    create.add_argument("--name", required=True, type=_name, help="what it is for")
    create.add_argument(
        "--tenant", default=DEFAULT_TENANT, type=_tenant, help=f"whose sessions it opens ({DEFAULT_TENANT})"
    )
    create.add_argument(
        "--scope", action="append", choices=[*Scope, "all"], metavar="SCOPE",
        help=f"what it may do, repeatable: {', '.join(Scope)}, or all ({', '.join(_EVERYDAY)})",
    )  # fmt: skip
    _add_expiry(create)
    listing = actions.add_parser("list", help="list the keys, without the keys themselves")
    listing.add_argument("--tenant", type=_tenant, help="of this tenant alone")
    rotate = actions.add_parser("rotate", help="make a key in the place of another")
    rotate.add_argument("id", type=UUID)
    rotate.add_argument(
        "--until", type=_moment, help="until when the old one opens too: P1D, RFC 3339 (at once no more)"
    )
    _add_expiry(rotate)
    revoke = actions.add_parser("revoke", help="have a key open nothing from now on")
    revoke.add_argument("id", type=UUID)


def run(options: argparse.Namespace, settings: ApiSettings) -> int:
    """Do what the command says; SetupError where it cannot be."""
    pepper = Pepper.of(settings.pepper)
    if pepper is None:
        raise SetupError(
            "TRANSCRIPTS_PEPPER is not set, so there are no keys. Set it for the API and its workers alike; make one "
            "with: python -c 'import secrets; print(secrets.token_hex(32))'"
        )
    return asyncio.run(_run(options, settings, pepper))


async def ensure_key(
    pool: Pool, pepper: Pepper, token: str, *, name: str, scopes: Sequence[Scope], tenant_id: str = DEFAULT_TENANT
) -> bool:  # fmt: skip
    """Have this key open; returns False where it was revoked or has expired, so that another one is needed."""
    keys = KeyRepository(pool)
    found = await keys.find(pepper.hashes(token))
    if found is None:
        await _add(pool, pepper, draft_key(tenant_id, name, scopes, token, COMMAND), token)
        return True
    return found.status is KeyStatus.ACTIVE


async def _run(options: argparse.Namespace, settings: ApiSettings, pepper: Pepper) -> int:
    async with await open_pool(
        settings.database_url.get_secret_value(), size=2, name="transcripts-keys"
    ) as pool:
        await check_schema(pool)
        match options.action:
            case "create":
                await _create(pool, pepper, options)
            case "rotate":
                await _rotate(pool, pepper, options)
            case "revoke":
                key = await _find(pool, options.id)
                async with transaction(pool) as connection:
                    await KeyRepository(pool).revoke(connection, key.id, key.tenant_id)
                    await _note(connection, key, "revoke_key")
                _say(
                    f"Revoked {key.start}... ({key.name}). A running API may let it in for some seconds more."
                )
            case "list":
                for key in await KeyRepository(pool).page(options.tenant, limit=10_000):
                    print(_line(key))  # noqa: T201
    return 0


async def _create(pool: Pool, pepper: Pepper, options: argparse.Namespace) -> None:
    asked = options.scope or _EVERYDAY
    scopes = list(Scope) if "all" in asked else [Scope(scope) for scope in asked]
    token = new_token()
    key = draft_key(options.tenant, options.name, scopes, token, COMMAND, expires_at=options.expires)
    await _add(pool, pepper, key, token)
    _say(
        f"Made key {key.id} of tenant {key.tenant_id} with {', '.join(sorted(scopes))}. It is shown this once:"
    )
    print(token)  # noqa: T201


async def _rotate(pool: Pool, pepper: Pepper, options: argparse.Namespace) -> None:
    old = await _find(pool, options.id)
    if old.status is not KeyStatus.ACTIVE:
        raise SetupError(f"The key is {old.status} already; make a new one. Nothing was changed.")
    token, keys = new_token(), KeyRepository(pool)
    key = draft_key(old.tenant_id, old.name, old.scopes, token, COMMAND, expires_at=options.expires)
    async with transaction(pool) as connection:
        await keys.add(connection, key, pepper.hashes(token)[0])
        await _note(connection, old, "rotate_key")
        if options.until is None:
            await keys.revoke(connection, old.id, old.tenant_id)
        else:
            await keys.shorten(connection, old.id, options.until)
    _say(f"Made key {key.id} in the place of {old.start}... ({old.name}). It is shown this once:")
    print(token)  # noqa: T201


async def _add(pool: Pool, pepper: Pepper, key: KeyRecord, token: str) -> None:
    async with transaction(pool) as connection:
        await KeyRepository(pool).add(connection, key, pepper.hashes(token)[0])
        await _note(connection, key, "create_key")


async def _note(connection: Connection, key: KeyRecord, action: str) -> None:
    """Into the audit trail, with what was done."""
    path = f"/v1/keys/{key.id}"
    await note(connection, tenant_id=key.tenant_id, actor=COMMAND, action=action, path=path)


async def _find(pool: Pool, key_id: UUID) -> KeyRecord:
    key = await KeyRepository(pool).of_any_tenant(key_id)
    if key is None:
        raise SetupError(f"There is no key {key_id}; `keys list` shows those that there are.")
    return key


def _line(key: KeyRecord) -> str:
    used = f"{key.last_used_at:%Y-%m-%d %H:%M}" if key.last_used_at else "never used"
    return (
        f"{key.id}  {key.start}...  {key.status:8}  {key.tenant_id:12}  {used:16}  "
        f"{','.join(sorted(key.scopes))}  {key.name}"
    )


def _say(text: str) -> None:
    print(text, file=sys.stderr)  # noqa: T201


def _add_expiry(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--expires", type=_moment, help="when it expires: P90D, or RFC 3339 (never)")


def _moment(text: str) -> datetime:
    try:
        moment = point_in_time(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text!r} {error}") from None
    assert isinstance(moment, datetime)
    return moment


def _name(text: str) -> str:
    if not text.strip() or len(text) > 100 or not text.isprintable():
        raise argparse.ArgumentTypeError("a name is 1 to 100 printable characters")
    return text.strip()


def _tenant(text: str) -> str:
    if not (0 < len(text) <= 63 and text[0].isalnum() and all(c.isalnum() or c in "-_" for c in text)
            and text.isascii()):  # fmt: skip
        raise argparse.ArgumentTypeError(f"{text!r} is no tenant: give letters, digits, - and _, at most 63")
    return text
