"""Who speaks: `speakers`."""

from typing import TYPE_CHECKING, Annotated, Final

import typer

from client.command.ids import Id, find_session
from client.command.running import command
from client.command.terminal import Terminal
from shared.transcript import Role

if TYPE_CHECKING:
    from client.aio import AsyncClient
    from client.models import Speaker

_OTHER: Final = {Role.COACH: Role.CLIENT, Role.CLIENT: Role.COACH}


@command(
    "speakers",
    ("transcripts speakers ID", "who speaks, in which role, and how sure that is"),
    ("transcripts speakers ID --swap", "coach becomes client, client becomes coach"),
    ("transcripts speakers ID --set 1=Anna:coach --set 2=Ben", "names, and roles where they are given"),
)
async def speakers(
    client: "AsyncClient",
    terminal: Terminal,
    *,
    some_id: Id,
    swap: Annotated[bool, typer.Option("--swap", help="Swap the roles of coach and client")] = False,
    stated: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="N=NAME[:ROLE]",
            help="A speaker's name, and role; may be repeated",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Show the speakers of a session, name them, or swap their roles.

    A change is made on what this command has just read: if somebody else changes it meanwhile, nothing is done.
    """
    session = await find_session(client, some_id)
    found = await client.editing.speakers(session.id)
    shown = found.speakers
    if swap or stated:
        wanted = [_swapped(each) if swap else each for each in shown]
        for text in stated or ():
            wanted = _with(wanted, text)
        edited = await client.editing.name_speakers(session.id, wanted, seen=found.revision)
        shown = shown if edited.speakers is None else edited.speakers
    columns = {
        "n>": lambda each: each.number,
        "role": lambda each: each.role,
        "sure>": lambda each: f"{each.role_confidence:.0%}" if each.role is not Role.UNKNOWN else "",
        "name": lambda each: each.name,
    }
    terminal.results(shown, columns, empty="Nobody speaks.")


def _swapped(speaker: "Speaker") -> "Speaker":
    return speaker.model_copy(update={"role": _OTHER.get(speaker.role, speaker.role)})


def _with(known: "list[Speaker]", text: str) -> "list[Speaker]":
    """The speakers with one of them as `2=Ben:client` says."""
    number, _, rest = text.partition("=")
    name, _, role = rest.partition(":")
    if not number.isdecimal() or not name or (role and role not in set(Role)):
        raise typer.BadParameter(
            f"{text!r}: give the number, the name and perhaps a role: 1=Anna, 2=Ben:client",
            param_hint="--set",
        )
    if int(number) not in {each.number for each in known}:
        raise typer.BadParameter(f"there is no speaker {number}", param_hint="--set")
    update = {"name": name} | ({"role": Role(role)} if role else {})
    return [each.model_copy(update=update) if each.number == int(number) else each for each in known]


COMMANDS: Final = (speakers,)
