"""What the command's exit code says; a script may rely on it."""

from enum import IntEnum


class ExitCode(IntEnum):
    """The docstring of `transcripts` and docs/client.md tell of these."""

    DONE = 0
    REFUSED = 1  # the service said no, or something broke
    USAGE = 2  # the command line or the set-up is wrong; nothing was sent
    JOB_FAILED = 3  # the command did its part, and a job failed or was cancelled
    UNREACHABLE = 4  # the service does not answer; try again
    KEY = 5  # no key, a wrong one, or one without the scope
    NOT_READY = 6  # there is no transcript yet; try again
    INTERRUPTED = 130  # Ctrl-C, as shells have it
