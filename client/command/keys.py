"""API keys: `keys create`, `list`, `rotate`, `revoke`."""

from typing import TYPE_CHECKING, Annotated, Final
from uuid import UUID

import typer

from client.command.filters import Limit
from client.command.running import Group, command
from client.command.terminal import Terminal
from client.wording import age, moment
from shared.scopes import Scope

if TYPE_CHECKING:
    from client.aio import AsyncClient
    from client.models import NewKey

Scopes = Annotated[
    list[Scope],
    typer.Option("--scope", metavar="SCOPE", help=f"What it may do: {', '.join(Scope)}; may be repeated"),
]
Expires = Annotated[
    str | None,
    typer.Option("--expires", metavar="WHEN", help="P90D, or 2027-01-31T00:00:00Z; never when left out"),
]
KeyId = Annotated[UUID, typer.Argument(metavar="KEY_ID", help="As `transcripts keys list` shows it")]


@command(
    "create",
    ("transcripts keys create 'booking system' --scope sessions:write", "prints the key, this once"),
    ("transcripts keys create dashboard --scope ops --expires P90D > dashboard.key", "to a file"),
)
async def create(
    client: "AsyncClient",
    terminal: Terminal,
    name: Annotated[str, typer.Argument(metavar="NAME", help="What it is for")],
    scope: Scopes,
    expires: Expires = None,
) -> None:
    """Make a key that may do no more than yours.

    The key goes to stdout, everything else to stderr. Nothing shows it again: only its hash is kept.
    """
    _show(terminal, await client.keys.create(name, scope, expires_at=expires))


@command("list", ("transcripts keys list", "whom to ask before revoking: last used, and when"))
async def list_keys(client: "AsyncClient", terminal: Terminal, limit: Limit = 0) -> None:
    """List the keys of your tenant, those that open nothing any more included."""
    keys = [each async for each in client.keys.list(limit=limit or None)]
    people = terminal.is_shown
    columns = {
        "id": lambda each: each.id,
        "begins": lambda each: each.start,
        "status": lambda each: each.status,
        "scopes": lambda each: ",".join(each.scopes),
        "last used": lambda each: age(each.last_used_at) if people else each.last_used_at,
        "expires": lambda each: moment(each.expires_at) if people else each.expires_at,
        "name": lambda each: each.name,
    }
    terminal.results(keys, columns, empty="There are no keys.")


@command(
    "rotate",
    ("transcripts keys rotate 019ab5d0-… --until PT24H", "both open for a day"),
)
async def rotate(
    client: "AsyncClient",
    terminal: Terminal,
    key_id: KeyId,
    until: Annotated[
        str | None,
        typer.Option(metavar="WHEN", help="How long the old one opens too: PT24H; no longer when left out"),
    ] = None,
    expires: Expires = None,
) -> None:
    """Make a key in the place of another, with the same name and scopes; the new one goes to stdout."""
    _show(terminal, await client.keys.rotate(key_id, until=until, expires_at=expires))


@command("revoke", ("transcripts keys revoke 019ab5d0-…", "it opens nothing from now on"))
async def revoke(
    client: "AsyncClient",
    terminal: Terminal,
    key_ids: Annotated[
        list[UUID], typer.Argument(metavar="KEY_ID", help="As `transcripts keys list` shows them")
    ],
) -> None:
    """Revoke keys. They stay in the list."""
    for each in key_ids:
        await client.keys.revoke(each)
        terminal.say(f"Revoked {each}.")
    if terminal.as_json:
        terminal.json({"revoked": key_ids})


def _show(terminal: Terminal, made: "NewKey") -> None:
    until = f", until {moment(made.expires_at)}" if made.expires_at else ""
    if terminal.as_json:
        terminal.json(made)
    else:
        terminal.write(f"{made.key}\n")
    terminal.say(
        f"Key {made.id} ({made.name}) opens {', '.join(made.scopes)}{until}. It is not shown again.", "dim"
    )


GROUP: Final = Group("keys", "Make, list, replace and revoke API keys.", (create, list_keys, rotate, revoke))
