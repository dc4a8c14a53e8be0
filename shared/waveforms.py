"""Waveforms: how loud a recording is, moment by moment, so that people see where somebody speaks."""

from dataclasses import dataclass
from uuid import UUID

from shared.database import Pool
from shared.errors import NotFoundError

_KEEP = """
INSERT INTO waveform (session_id, ms_per_peak, peaks)
SELECT session_id, $3, $4 FROM job WHERE id = $1 AND attempt = $2 AND status = 'running'
ON CONFLICT (session_id) DO UPDATE SET ms_per_peak = excluded.ms_per_peak, peaks = excluded.peaks
RETURNING 1
"""


@dataclass(frozen=True, slots=True)
class Waveform:
    """A recording's peaks in order, each of `ms_per_peak` milliseconds of sound.

    A peak is a byte: 255 is full scale, and each less is a quarter of a decibel less, down to -63.5 dBFS; 0 is silence.
    """

    ms_per_peak: int
    peaks: bytes


class WaveformRepository:
    """Waveforms in Postgres; one goes with its session."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def keep(self, job_id: UUID, attempt: int, waveform: Waveform) -> bool:
        """Commit the waveform of the job's session; False where the run was overtaken."""
        kept = await self._pool.fetchval(_KEEP, job_id, attempt, waveform.ms_per_peak, waveform.peaks)
        return kept is not None

    async def has(self, session_id: UUID) -> bool:
        """Whether the session, of any tenant, has one."""
        found = await self._pool.fetchval("SELECT 1 FROM waveform WHERE session_id = $1", session_id)
        return found is not None

    async def get(self, session_id: UUID, tenant_id: str) -> Waveform:
        """A session's waveform; NotFoundError where there is no session, or its recording has not been drawn."""
        row = await self._pool.fetchrow(
            "SELECT w.ms_per_peak, w.peaks FROM session s LEFT JOIN waveform w ON w.session_id = s.id"
            " WHERE s.id = $1 AND s.tenant_id = $2",
            session_id, tenant_id,
        )  # fmt: skip
        if row is None:
            raise NotFoundError
        if row["peaks"] is None:
            raise NotFoundError(
                "This session has no waveform: a worker makes it when it reads the recording, and older sessions have "
                "none until they are transcribed again."
            )
        return Waveform(row["ms_per_peak"], row["peaks"])
