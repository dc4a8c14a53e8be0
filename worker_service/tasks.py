"""What the queue calls: thin, each opens nothing and delegates to a use case."""

from typing import Any, Final
from uuid import UUID

from worker_service.transcribe import Transcriber

TRANSCRIBER: Final = "transcriber"  # the key of the use case in arq's ctx
