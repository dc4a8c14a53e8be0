"""What the service answers, as frozen models by noun."""

from client.models.base import Answer, Notice, Page
from client.models.jobs import Eta, Job, JobError
from client.models.service import Check, Engine, Readiness
from client.models.sessions import Audio, Order, Session, Submission
from client.models.transcripts import Segment, Speaker, Transcript

__all__ = [
    "Answer", "Audio", "Check", "Engine", "Eta", "Job", "JobError", "Notice", "Order", "Page",
    "Readiness", "Segment", "Session", "Speaker", "Submission", "Transcript",
]  # fmt: skip
