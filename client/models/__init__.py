"""What the service answers, as frozen models by noun."""

from client.models.base import Answer, Notice, Page
from client.models.edits import Change, Edit, EditDetail, Edited, Speakers
from client.models.jobs import Eta, Job, JobError
from client.models.keys import Key, NewKey
from client.models.ops import (
    AttemptCost,
    EngineScaling,
    Event,
    Line,
    Operation,
    OperatorJob,
    OperatorJobDetail,
    Outcome,
    Past,
    Queue,
    Scaling,
    Trends,
    Worker,
    Workers,
)
from client.models.search import Hit, Match, Snippet, Stretch
from client.models.service import Check, Engine, EnginePrice, ModelLimits, Readiness, Sign
from client.models.sessions import Audio, Order, Session, Submission, Waveform
from client.models.transcripts import Segment, Speaker, Transcript, Word
from client.models.uploads import DirectUpload, Upload
from client.models.usage import Budget, Usage, UsageItem
from client.models.webhooks import Delivery, DeliveryAttempt, NewWebhook, Replayed, Webhook

__all__ = [
    "Answer", "AttemptCost", "Audio", "Budget", "Change", "Check", "Delivery", "DeliveryAttempt",
    "DirectUpload", "Edit", "EditDetail", "Edited", "Engine", "EnginePrice", "EngineScaling", "Eta", "Event",
    "Hit", "Job", "JobError", "Key", "Line", "Match", "ModelLimits", "NewKey", "NewWebhook", "Notice",
    "Operation", "OperatorJob", "OperatorJobDetail", "Order", "Outcome", "Page", "Past", "Queue", "Readiness",
    "Replayed", "Scaling", "Segment", "Session", "Sign", "Snippet", "Speaker", "Speakers", "Stretch",
    "Submission", "Transcript", "Trends", "Upload", "Usage", "UsageItem", "Waveform", "Webhook", "Word",
    "Worker", "Workers",
]  # fmt: skip
