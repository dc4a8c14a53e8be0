"""What is being sent from here, so that the same command, given again, goes on and makes nothing twice (F45)."""

import hashlib
import json
import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from uuid import UUID, uuid4

_KEPT_S: Final = 24 * 3600  # as long as the service remembers an idempotency key


@dataclass(slots=True)
class Pending:
    """A recording on its way to one service with one order: its idempotency key, and its upload if it has one."""

    path: Path
    key: str
    upload_id: UUID | None = None

    @classmethod
    def of(cls, url: str, recording: Path, order: dict[str, Any]) -> "Pending":
        """The one that was begun within a day, else a new one; a file that has changed since is another."""
        facts = recording.stat()
        told = [url, str(recording.resolve()), facts.st_size, facts.st_mtime_ns, order]
        name = hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()
        path = _folder() / f"{name}.json"
        try:
            fresh = time.time() - path.stat().st_mtime < _KEPT_S
            known = json.loads(path.read_text()) if fresh else {}
            upload_id = known.get("upload_id")
            return cls(path, str(known["key"]), UUID(upload_id) if upload_id else None)
        except (OSError, ValueError, KeyError, TypeError, AttributeError):  # not there, or not as we write it
            return cls(path, str(uuid4()))

    def keep(self, upload_id: UUID | None = None) -> None:
        """Write it down; where that cannot be done, the command works all the same."""
        self.upload_id = upload_id or self.upload_id
        known = {"key": self.key, "upload_id": str(self.upload_id) if self.upload_id else None}
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            self.path.write_text(json.dumps(known))
        except OSError:
            return

    def forget(self) -> None:
        """It has arrived, or cannot."""
        try:
            self.path.unlink(missing_ok=True)
        except OSError:
            return


def _folder() -> Path:
    state = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
    return Path(state) / "transcripts" / "pending"
