"""The API and the worker as the local stack starts them: their commands, and the settings that they read."""

import http.client
import ipaddress
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from deploy.local.folder import DataFolder, from_user
from deploy.local.keys import PEPPER, pepper_of
from deploy.local.processes import free_port
from shared.errors import SetupError

HOME: Final = (
    "TRANSCRIPTS_HOME"  # ours, not a setting of the services, which refuse names that they do not read
)
MODELS: Final = Path(".local/models")
RECORDING: Final = Path(__file__).with_name("recordings") / "two_speakers.flac"
_USUAL_PORT: Final = 8000


@dataclass(frozen=True, slots=True)
class Options:
    """What the command line says; None: as the environment or `.env` says, else the default."""

    port: int | None = None
    max_jobs: int | None = None
    engine: str | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    """How the services are started."""

    environment: dict[str, str]
    host: str
    port: int
    max_jobs: int
    engines: tuple[str, ...]
    models_dir: Path

    @property
    def api_url(self) -> str:
        """Where the API answers on this machine."""
        everywhere = self.host in {"0.0.0.0", "::"}  # noqa: S104  (compared, not bound)
        host = "127.0.0.1" if everywhere else f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{host}:{self.port}"

    @property
    def commands(self) -> dict[str, list[str]]:
        """The services' command lines by name."""
        return {
            "api": [sys.executable, "-m", "api_service"],
            "worker": [sys.executable, "-m", "worker_service", "--max-jobs", str(self.max_jobs)],
        }


def plan(
    folder: DataFolder, options: Options, *, database_url: str, redis_url: str, last_port: int | None
) -> Plan:
    """Choose ports and settings; what the user has set in the environment or in `.env` is left as it is."""
    user = from_user(
        "PORT", "MAX_JOBS", "TRANSCRIPTS_ENGINES", "TRANSCRIPTS_DEFAULT_ENGINE", "TRANSCRIPTS_STORAGE_URL",
        "TRANSCRIPTS_MODELS_DIR", "TRANSCRIPTS_HOST", "TRANSCRIPTS_LOG_FORMAT", "TRANSCRIPTS_SAMPLE",
    )  # fmt: skip
    engines = options.engine or user.get("TRANSCRIPTS_ENGINES") or "local"
    port = _port(options.port or _number("PORT", user), last_port)
    models_dir = Path(user.get("TRANSCRIPTS_MODELS_DIR") or MODELS).absolute()
    max_jobs = options.max_jobs or _number("MAX_JOBS", user) or 2
    ours = {
        "TRANSCRIPTS_STORAGE_URL": folder.objects.as_uri(),
        "TRANSCRIPTS_HOST": "127.0.0.1",
        "TRANSCRIPTS_LOG_FORMAT": "console",
        "TRANSCRIPTS_DEFAULT_ENGINE": engines.partition(",")[0],
        "PYTHONUNBUFFERED": "1",
        **user,
        "TRANSCRIPTS_ENGINES": engines,
        "TRANSCRIPTS_MODELS_DIR": str(models_dir),
        "PORT": str(port),
        "MAX_JOBS": str(max_jobs),
        "DATABASE_URL": database_url,
        "REDIS_URL": redis_url,
    }
    if options.engine:
        ours["TRANSCRIPTS_DEFAULT_ENGINE"] = options.engine.partition(",")[0]
    if pepper := pepper_of(folder):
        ours[PEPPER] = pepper
    if RECORDING.is_file():
        ours.setdefault("TRANSCRIPTS_SAMPLE", str(RECORDING))
    inherited = {name: value for name, value in os.environ.items() if name != HOME}
    names = tuple(name.strip() for name in engines.split(","))
    return Plan({**inherited, **ours}, ours["TRANSCRIPTS_HOST"], port, max_jobs, names, models_dir)


def is_loopback(host: str) -> bool:
    """Whether an API that binds this host is reached by this machine alone."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def ready(api_url: str) -> bool:
    """Whether the API at this address says that it and what it needs are ready."""
    connection = http.client.HTTPConnection(urlsplit(api_url).netloc, timeout=5)
    try:
        connection.request("GET", "/readyz")
        return connection.getresponse().status == http.client.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _port(wanted: int | None, last: int | None) -> int:
    """The port that was asked for, which must be free; else the last one, the usual one, or any."""
    if wanted:
        if free_port(wanted) != wanted:
            raise SetupError(
                f"Port {wanted} of 127.0.0.1 is in use by another program. Nothing was started. Choose another "
                "one with --port, or none: then a free one is taken."
            )
        return wanted
    return free_port(last or _USUAL_PORT)


def _number(name: str, user: dict[str, str]) -> int | None:
    text = user.get(name)
    if text is None:
        return None
    if not text.isdecimal():
        raise SetupError(f"{name} is {text!r}, which is not a whole number. Nothing was started.")
    return int(text)
