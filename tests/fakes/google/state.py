"""What the fake remembers across a restart: one SQLite file and two folders of bytes."""

import dataclasses
import json
import sqlite3
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

SCHEMA = """
CREATE TABLE IF NOT EXISTS settings (one INTEGER PRIMARY KEY CHECK (one = 1), document TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS faults (id INTEGER PRIMARY KEY, document TEXT NOT NULL, seen INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS scripts (id INTEGER PRIMARY KEY, document TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS calls (method TEXT, code TEXT, n INTEGER NOT NULL, PRIMARY KEY (method, code));
CREATE TABLE IF NOT EXISTS buckets (name TEXT PRIMARY KEY, document TEXT NOT NULL, agent INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS objects (
    bucket TEXT, name TEXT, generation INTEGER, document TEXT NOT NULL, file TEXT NOT NULL,
    PRIMARY KEY (bucket, name));
CREATE TABLE IF NOT EXISTS uploads (
    id TEXT PRIMARY KEY, bucket TEXT, name TEXT, document TEXT NOT NULL, done TEXT);
CREATE TABLE IF NOT EXISTS operations (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT UNIQUE, request BLOB NOT NULL, plan TEXT NOT NULL,
    submitted_ms INTEGER NOT NULL, ends_ms INTEGER, final BLOB,
    deleted INTEGER NOT NULL DEFAULT 0);
CREATE INDEX IF NOT EXISTS operations_running ON operations (ends_ms) WHERE final IS NULL;
CREATE TABLE IF NOT EXISTS ledger (
    id INTEGER PRIMARY KEY, operation TEXT, uri TEXT, output TEXT, model TEXT, strategy TEXT,
    audio_ms INTEGER NOT NULL, channels INTEGER NOT NULL, billed_ms INTEGER NOT NULL, outcome TEXT NOT NULL,
    at_ms INTEGER NOT NULL, UNIQUE (operation, uri));
"""


@dataclass(frozen=True, slots=True)
class Settings:
    """How the fake behaves; every field can be set through `PATCH /__control/settings`."""

    grpc_latency_ms: int = 0
    http_latency_ms: int = 0
    operation_requests_per_window: int = 150  # Get, List, Cancel and Delete together, in each location
    batch_requests_per_window: int = 150
    quota_window_ms: int = 60_000
    clock_ms: int = 0  # how far operations, quotas and the ledger are ahead of the machine's clock
    speed: float = 200.0  # an operation takes the audio's length divided by this
    operation_ms: int | None = None  # or exactly this long
    dynamic_delay_ms: int = 0  # how much later DYNAMIC_BATCHING begins
    default_page_size: int = 100
    max_page_size: int = 1_000
    listed_after_ms: int = 0  # how old an operation is before ListOperations shows it
    oldest_first: bool = False  # the order of ListOperations
    cancel: str = "works"  # or "ignored": answers well and goes on
    repeat_words: bool = True  # with diarization the last result says every word again, now with speakers
    piece_jitter_ms: int = (
        60  # how much times of words in a piece of a recording differ from those in the whole
    )
    require_auth: bool = False  # storage takes only tokens of /token
    require_grpc_auth: bool = False  # and so does everything else
    rewrite_bytes: int = 0  # how much of an object one call of rewrite copies; 0: all
    list_page_size: int = 1_000  # objects a page of a bucket's listing


class State:
    """The database and the folders under `directory`; one event loop uses it, so nothing is locked."""

    def __init__(self, directory: Path) -> None:
        self.objects = directory / "objects"
        self.uploads = directory / "uploads"
        for folder in (self.objects, self.uploads):
            folder.mkdir(parents=True, exist_ok=True)
        self.directory = directory
        self.db = sqlite3.connect(directory / "state.sqlite", isolation_level=None)
        self.db.row_factory = sqlite3.Row
        # A killed process loses nothing that the kernel has; only a power cut would, and tests have none.
        self.db.executescript(f"PRAGMA journal_mode=WAL; PRAGMA synchronous=OFF; {SCHEMA}")

    @property
    def settings(self) -> Settings:
        """The settings as they are now."""
        row = self.row("SELECT document FROM settings")
        return Settings(**json.loads(row["document"])) if row else Settings()

    def now_ms(self) -> int:
        """Unix time in milliseconds, as far ahead as the settings say."""
        return now_ms() + self.settings.clock_ms

    def change_settings(self, changes: dict[str, Any]) -> Settings:
        """Change some settings; a TypeError names one that does not exist."""
        settings = dataclasses.replace(self.settings, **changes)
        document = json.dumps(dataclasses.asdict(settings))
        self.execute("INSERT OR REPLACE INTO settings VALUES (1, ?)", document)
        return settings

    def execute(self, statement: str, *values: Any) -> sqlite3.Cursor:
        """Run one statement, committed at once."""
        return self.db.execute(statement, values)

    def row(self, statement: str, *values: Any) -> sqlite3.Row | None:
        """The first row or None."""
        row: sqlite3.Row | None = self.execute(statement, *values).fetchone()
        return row

    def rows(self, statement: str, *values: Any) -> list[sqlite3.Row]:
        """All rows."""
        return self.execute(statement, *values).fetchall()

    def count(self, method: str, code: str) -> None:
        """Count one call of a method by the code of its answer."""
        self.execute("INSERT INTO calls VALUES (?, ?, 1) ON CONFLICT DO UPDATE SET n = n + 1", method, code)

    def reset(self) -> None:
        """Forget everything but the service account's key."""
        for table in tables():
            self.execute(f"DELETE FROM {table}")
        for folder in (self.objects, self.uploads):
            for file in folder.iterdir():
                file.unlink()


def tables() -> Iterator[str]:
    """The names of the tables."""
    for line in SCHEMA.splitlines():
        if line.startswith("CREATE TABLE"):
            yield line.split()[5]


def now_ms() -> int:
    """Unix time in milliseconds."""
    return time.time_ns() // 1_000_000
