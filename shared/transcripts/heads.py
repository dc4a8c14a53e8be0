"""Where transcripts stand: their revisions, locked while something changes."""

from dataclasses import dataclass
from typing import Final
from uuid import UUID

from shared.database import Connection
from shared.errors import NotFoundError, NotReadyError

# A transcript from before there were revisions is one of revision 1; 0 is one that is not there yet.
_ENSURE: Final = """
INSERT INTO transcript (session_id, revision, speakers_revision, job_id)
SELECT $1, (d.id IS NOT NULL)::int, (d.id IS NOT NULL)::int, d.id FROM (VALUES (1)) one
LEFT JOIN LATERAL (
    SELECT id FROM job WHERE session_id = $1 AND status = 'succeeded' AND id IS DISTINCT FROM $2
    ORDER BY finished_at DESC LIMIT 1
) d ON true
ON CONFLICT (session_id) DO NOTHING
"""


@dataclass(frozen=True, slots=True)
class Head:
    """A row of `transcript`, locked: where a session's transcript stands; revision 0: there is none yet."""

    session_id: UUID
    tenant_id: str
    revision: int
    speakers_revision: int
    job_id: UUID | None
    status: str | None
    newest_job_id: UUID | None

    def refuse_nothing(self) -> None:
        """NotReadyError where there is no transcript yet."""
        if self.revision == 0:
            raise NotReadyError(job_id=str(self.newest_job_id), job_status=self.status)


async def lock_transcript(
    connection: Connection, session_id: UUID, tenant_id: str | None = None, *, new_job: UUID | None = None
) -> Head:
    """Lock a session's transcript until the transaction ends; NotFoundError where there is no such session.

    `new_job` is a job that has just succeeded in this transaction, whose words are not there yet.
    """
    # The session first, as whoever deletes it does: the other way round they would wait for each other.
    session = await connection.fetchrow(
        "SELECT tenant_id, status, transcription_job_id FROM session"
        " WHERE id = $1 AND ($2::text IS NULL OR tenant_id = $2) FOR KEY SHARE",
        session_id, tenant_id,
    )  # fmt: skip
    if session is None:
        raise NotFoundError
    await connection.execute(_ENSURE, session_id, new_job)
    row = await connection.fetchrow("SELECT * FROM transcript WHERE session_id = $1 FOR UPDATE", session_id)
    assert row is not None
    return Head(
        session_id, session["tenant_id"], row["revision"], row["speakers_revision"], row["job_id"],
        session["status"], session["transcription_job_id"],
    )  # fmt: skip
