"""What the service answers, as frozen models by noun."""

from client.models.base import Answer, Notice, Page
from client.models.edits import Change, Edit, EditDetail, Edited, Speakers
from client.models.jobs import Eta, Job, JobError
from client.models.keys import Key, NewKey
from client.models.ops import (
    Event,
    Line,
    OperatorJob,
    OperatorJobDetail,
    Outcome,
    Past,
    Queue,
    Worker,
    Workers,
)
from client.models.service import Check, Engine, Readiness, Sign
from client.models.sessions import Audio, Order, Session, Submission
from client.models.transcripts import Segment, Speaker, Transcript, Word

__all__ = [
    "Answer", "Audio", "Change", "Check", "Edit", "EditDetail", "Edited", "Engine", "Eta", "Event", "Job",
    "JobError", "Key", "Line", "NewKey", "Notice", "OperatorJob", "OperatorJobDetail", "Order", "Outcome",
    "Page", "Past", "Queue", "Readiness", "Segment", "Session", "Sign", "Speaker", "Speakers", "Submission",
    "Transcript", "Word", "Worker", "Workers",
]  # fmt: skip
