"""The temporary folders of runs: named after their process, so that a later start clears away what a dead one left."""

import os
import shutil
import tempfile
from pathlib import Path
from typing import Final

from shared.observation.logs import get_logger

log = get_logger(__name__)

_PREFIX: Final = "transcripts-run-"


def make(parent: Path | None) -> "tempfile.TemporaryDirectory[str]":
    """A new folder of this process's in `parent`, or in the system's temporary folder."""
    return tempfile.TemporaryDirectory(
        prefix=f"{_PREFIX}{os.getpid()}-", dir=parent, ignore_cleanup_errors=True
    )


def root(parent: Path | None) -> Path:
    """Where the folders are made."""
    return Path(parent or tempfile.gettempdir())


def clear_leftovers(parent: Path | None) -> int:
    """Delete the folders of processes that are gone, and of an earlier one with our pid; returns how many.

    Call before the first run. Machines that share `parent` must not: a pid says nothing about another machine.
    """
    found = 0
    for folder in root(parent).glob(f"{_PREFIX}*-*"):
        pid = folder.name.removeprefix(_PREFIX).partition("-")[0]
        if pid.isdecimal() and (int(pid) == os.getpid() or not _alive(int(pid))):
            shutil.rmtree(folder, ignore_errors=True)
            found += 1
    if found:
        log.info("temporary files of an earlier worker cleared away", folders=found)
    return found


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # another user's
        pass
    return True
