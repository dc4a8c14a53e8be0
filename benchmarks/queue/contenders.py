"""Who takes part, how each is started, and the environments that hold the libraries which conflict with ours."""

import hashlib
import subprocess
import sys
import venv
from dataclasses import dataclass
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[2]
CACHE: Final = ROOT / ".local/benchmarks/queue"


@dataclass(frozen=True, slots=True)
class Contender:
    """A queue library in one configuration."""

    name: str
    module: str
    requirements: tuple[str, ...] = ()  # none: it runs in the project's own environment
    variant: str = ""
    most_slots: int = 10_000  # jobs that one worker can hold at once, within reason
    keeps_jobs: bool = True  # whether a killed worker's jobs are meant to come back

    @property
    def python(self) -> str:
        """The interpreter of its environment."""
        return str(self._folder / "bin/python") if self.requirements else sys.executable

    @property
    def _folder(self) -> Path:
        named = hashlib.sha256("\n".join(self.requirements).encode()).hexdigest()[:8]
        return CACHE / f"{self.module}-{named}"

    def install(self) -> None:
        """Make the environment, once."""
        done = self._folder / "installed"
        if not self.requirements or done.exists():
            return
        print(f"installing {', '.join(self.requirements)}", file=sys.stderr)
        venv.create(self._folder, with_pip=True, clear=True)
        subprocess.run([self.python, "-m", "pip", "install", "-qqq", *self.requirements], check=True)
        done.touch()


_TASKIQ: Final = ("taskiq==0.13.0", "taskiq-redis==1.2.4", "hiredis==3.5.0")
_CELERY: Final = ("celery[redis]==5.7.0", "hiredis==3.5.0")
CONTENDERS: Final = (
    Contender("leased", "leased"),
    Contender("arq", "stock_arq"),
    Contender("saq", "saq_peer", ("saq[redis]==0.26.4", "hiredis==3.5.0", "typing-extensions")),
    Contender("streaq", "streaq_peer", ("streaq==7.2.0",)),
    Contender("taskiq", "taskiq_peer", _TASKIQ, "stream"),
    Contender("taskiq list", "taskiq_peer", _TASKIQ, "list", keeps_jobs=False),
    Contender("celery threads", "celery_peer", _CELERY, "threads", most_slots=1_000),
    Contender("celery prefork", "celery_peer", _CELERY, "prefork", most_slots=4),
)
