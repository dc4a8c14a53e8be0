"""Which sessions or jobs, as options of the command line."""

from datetime import UTC, datetime, timedelta
from typing import Annotated, Final

import typer

from shared.lifecycle import JobStatus

_UNITS: Final = {"d": "days", "h": "hours", "m": "minutes", "w": "weeks"}


def since(text: str) -> datetime:
    """A date, a time, or how long ago: `2026-11-24`, `2026-11-24T09:30`, `2d`, `12h`."""
    if text[:-1].isdecimal() and text[-1:] in _UNITS:
        return datetime.now(UTC) - timedelta(**{_UNITS[text[-1]]: int(text[:-1])})
    try:
        return datetime.fromisoformat(text).astimezone()
    except ValueError:
        raise typer.BadParameter(
            "give a date such as 2026-11-24, a time, or an age such as 2d or 12h"
        ) from None


Statuses = Annotated[
    list[JobStatus] | None,
    typer.Option(
        "--status",
        "-s",
        metavar="STATUS",
        help=f"Only {', '.join(JobStatus)}; may be repeated",
        show_default=False,
    ),
]
Language = Annotated[str | None, typer.Option(metavar="TAG", help="en finds en-US too", show_default=False)]
TitlePart = Annotated[
    str | None, typer.Option(metavar="TEXT", help="A part of the title", show_default=False)
]
After = Annotated[
    datetime | None,
    typer.Option(
        parser=since,
        metavar="WHEN",
        help="Made since: 2026-11-24, a time, or an age such as 2d",
        show_default=False,
    ),
]
Before = Annotated[
    datetime | None, typer.Option(parser=since, metavar="WHEN", help="Made before", show_default=False)
]
Limit = Annotated[int, typer.Option("--limit", "-n", min=0, metavar="N", help="How many at most; 0 for all")]
Tenant = Annotated[str | None, typer.Option(metavar="NAME", help="Only of this tenant", show_default=False)]
Engine = Annotated[str | None, typer.Option(metavar="NAME", help="Only of this engine", show_default=False)]
ErrorCode = Annotated[
    str | None,
    typer.Option(
        "--error", metavar="CODE", help="Only with this error, such as engine_quota", show_default=False
    ),
]
