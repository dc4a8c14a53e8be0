"""Ids on the command line: that of a session and that of a job will both do."""

from typing import TYPE_CHECKING, Annotated
from uuid import UUID

import typer

if TYPE_CHECKING:
    from client.aio import AsyncClient
    from client.models import Job, Session


def _id(text: str) -> UUID:
    try:
        return UUID(text.strip())
    except ValueError:
        raise typer.BadParameter(f"{text!r} is no id; `transcripts list` shows those there are") from None


Id = Annotated[UUID, typer.Argument(metavar="ID", parser=_id, help="A session or its job")]
Ids = Annotated[list[UUID], typer.Argument(metavar="ID", parser=_id, help="Sessions or jobs")]
OptionalIds = Annotated[
    list[UUID] | None, typer.Argument(metavar="ID", parser=_id, help="Sessions or jobs", show_default=False)
]


async def find_session(client: "AsyncClient", some_id: UUID) -> "Session":
    """The session with this id, or the one whose job has it; NotFoundError."""
    from client.errors import NotFoundError  # noqa: PLC0415

    try:
        return await client.sessions.get(some_id)
    except NotFoundError as error:
        try:
            job = await client.jobs.get(some_id)
        except NotFoundError:
            raise error from None
        return await client.sessions.get(job.session_id)


async def find_job(client: "AsyncClient", some_id: UUID) -> "Job":
    """The job with this id, or the newest one of the session that has it; NotFoundError."""
    from client.errors import NotFoundError  # noqa: PLC0415

    try:
        return await client.jobs.get(some_id)
    except NotFoundError as error:
        try:
            session = await client.sessions.get(some_id)
        except NotFoundError:
            raise error from None
        if session.job_id is None:
            raise
        return await client.jobs.get(session.job_id)
