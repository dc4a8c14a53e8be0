"""The table of waveforms: apart from sessions, whose rows are read all the time and should be small."""

from uuid import UUID

from sqlalchemy import CheckConstraint, Column, ForeignKey, LargeBinary
from sqlmodel import Field, SQLModel


class WaveformRow(SQLModel, table=True):
    """How loud a session's recording is: a byte for each `ms_per_peak` milliseconds (`shared.waveforms`)."""

    __tablename__ = "waveform"
    __table_args__ = (CheckConstraint("ms_per_peak > 0", name="peaks_take_time"),)

    session_id: UUID = Field(sa_column=Column(ForeignKey("session.id", ondelete="CASCADE"), primary_key=True))
    ms_per_peak: int = Field()
    peaks: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
