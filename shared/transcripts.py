"""The repository of transcripts: replaces a session's segments and speakers, and reads them back."""

from collections.abc import Iterable, Sequence
from typing import Any
from uuid import UUID

from shared.database import Connection, Pool
from shared.errors import NotFoundError, NotReadyError
from shared.lifecycle import JobStatus
from shared.transcript import Notice, Role, Segment, Speaker, Transcript, Word

_SEGMENT_COLUMNS = (
    "session_id",
    "n",
    "start_ms",
    "end_ms",
    "speaker",
    "content",
    "confidence",
    "words",
    "version",
)
_SPEAKER_COLUMNS = ("session_id", "number", "name", "role", "role_confidence", "evidence")


class TranscriptRepository:
    """Transcripts in Postgres."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def replace(
        self,
        connection: Connection,
        session_id: UUID,
        segments: Sequence[Segment],
        speakers: Sequence[Speaker],
    ) -> None:
        """Replace the session's transcript, inside the transaction that ends its job."""
        await connection.execute("DELETE FROM transcript_segment WHERE session_id = $1", session_id)
        await connection.execute("DELETE FROM session_speaker WHERE session_id = $1", session_id)
        await connection.executemany(
            _insert("session_speaker", _SPEAKER_COLUMNS),
            [(session_id, s.number, s.name, s.role, s.role_confidence, s.evidence) for s in speakers],
        )
        await connection.executemany(
            _insert("transcript_segment", _SEGMENT_COLUMNS),
            [
                (
                    session_id,
                    s.n,
                    s.start_ms,
                    s.end_ms,
                    s.speaker,
                    s.text,
                    s.confidence,
                    pack(s.words),
                    s.version,
                )
                for s in segments
            ],
        )

    async def load(self, session_id: UUID, tenant_id: str) -> Transcript:
        """The session's transcript; NotReadyError (with `job_id`, `job_status`) while there is none."""
        async with (
            self._pool.acquire() as connection,
            connection.transaction(readonly=True, isolation="repeatable_read"),
        ):
            session = await connection.fetchrow(
                "SELECT s.title, s.language, s.duration_ms, j.id AS job_id, j.status, done.warnings,"
                " done.language AS heard FROM session s JOIN job j ON j.id = s.transcription_job_id"
                " LEFT JOIN LATERAL (SELECT d.warnings, d.language FROM job d WHERE d.session_id = s.id"
                " AND d.status = 'succeeded' ORDER BY d.finished_at DESC LIMIT 1) done ON true"
                " WHERE s.id = $1 AND s.tenant_id = $2",
                session_id, tenant_id,
            )  # fmt: skip
            if session is None:
                raise NotFoundError
            if session["warnings"] is None:
                raise NotReadyError(
                    _why_not(session["status"]), job_id=str(session["job_id"]), job_status=session["status"]
                )
            segments = await connection.fetch(
                "SELECT * FROM transcript_segment WHERE session_id = $1 ORDER BY n", session_id
            )
            speakers = await connection.fetch(
                "SELECT * FROM session_speaker WHERE session_id = $1 ORDER BY number", session_id
            )
        return Transcript(
            title=session["title"],
            language=session["heard"] or session["language"],
            duration_ms=session["duration_ms"] or 0,
            segments=tuple(_segment(row) for row in segments),
            speakers=tuple(
                Speaker(
                    row["number"], row["name"], Role(row["role"]), row["role_confidence"], row["evidence"]
                )
                for row in speakers
            ),
            warnings=tuple(Notice(w["code"], w["detail"]) for w in session["warnings"]),
        )


def pack(words: Iterable[Word]) -> list[list[Any]]:
    """Words as `transcript_segment.words` keeps them: [text, start ms, end ms, confidence, joined]."""
    return [[w.text, w.start_ms, w.end_ms, w.confidence, w.joined] for w in words]


def unpack(rows: Iterable[Sequence[Any]], speaker: int | None) -> tuple[Word, ...]:
    """The words that `pack` packed; all of a segment's words are of its speaker."""
    return tuple(Word(r[0], r[1], r[2], confidence=r[3], speaker=speaker, joined=r[4]) for r in rows)


def _segment(row: Any) -> Segment:
    return Segment(
        n=row["n"],
        start_ms=row["start_ms"],
        end_ms=row["end_ms"],
        text=row["content"],
        speaker=row["speaker"],
        confidence=row["confidence"],
        words=unpack(row["words"], row["speaker"]),
        version=row["version"],
    )


def _insert(table: str, columns: Sequence[str]) -> str:
    values = ", ".join(f"${i}" for i in range(1, len(columns) + 1))
    return f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({values})"  # noqa: S608  (constants)


def _why_not(status: str) -> str:
    if status == JobStatus.FAILED:
        return "The job failed, so there is no transcript. The job says why; retry it when that is mended."
    if status == JobStatus.CANCELLED:
        return "The job was cancelled, so there is no transcript. Retry it to get one."
    return "The transcript is not ready yet. Follow the job, then ask again."
