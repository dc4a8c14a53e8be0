"""What may be asked for besides a recording, as options of the command line."""

import json
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from shared.lifecycle import Priority, Processing

if TYPE_CHECKING:
    from client.models import Order

_PANEL: Final = "How to transcribe"


def _option(*names: str, help_text: str, **more: Any) -> Any:
    return typer.Option(*names, help=help_text, rich_help_panel=_PANEL, show_default=False, **more)


Language = Annotated[
    str | None,
    _option(metavar="TAG", help_text="What is spoken: en, en-US, zh-TW; detected when left out"),
]
Speakers = Annotated[
    int | None, _option(min=1, max=8, metavar="N", help_text="How many people speak, at most (2)")
]
Diarization = Annotated[
    bool | None,
    _option("--diarization/--no-diarization", help_text="Whether to tell the speakers apart (it does)"),
]
Engine = Annotated[
    str | None, _option(metavar="NAME", help_text="The speech engine: local, google (the server's default)")
]
Model = Annotated[str | None, _option(metavar="NAME", help_text="The engine's model")]
FallbackEngine = Annotated[
    str | None,
    _option(
        metavar="NAME", help_text="Goes on where the engine fails for good; both are paid for what they did"
    ),
]
Phrases = Annotated[
    list[str] | None,
    _option("--phrase", metavar="TEXT", help_text="A name or term to expect; may be repeated"),
]
PriorityOption = Annotated[
    Priority | None, _option(help_text="How soon it is taken", metavar="high|normal|low")
]
ProcessingOption = Annotated[
    Processing | None,
    _option(help_text="economy lets a paid engine take up to a day, for less", metavar="standard|economy"),
]
Metadata = Annotated[
    str | None, _option(metavar="JSON", help_text="An object of yours, kept with the session")
]
DeleteAfter = Annotated[
    str | None, _option(metavar="WHEN", help_text="Erase it all then: P30D, or 2027-01-31T00:00:00Z")
]
WebhookUrl = Annotated[
    str | None,
    _option(metavar="URL", help_text="Where it is told that the job has ended (docs/webhooks.md)"),
]
Title = Annotated[str | None, _option(metavar="TEXT", help_text="The title; the file's name when left out")]


def order(**members: Any) -> "Order":
    """The order; BadParameter where the metadata is no JSON object."""
    from client.models import Order as Made  # noqa: PLC0415

    if members.get("metadata") is not None:
        members["metadata"] = _object(members["metadata"])
    if members.get("phrases") is not None:
        members["phrases"] = tuple(members["phrases"])
    return Made(**members)


def _object(text: str) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except ValueError:
        value = None
    if not isinstance(value, dict):
        raise typer.BadParameter(
            'give a JSON object, such as \'{"client": "A-17"}\'', param_hint="--metadata"
        )
    return value
