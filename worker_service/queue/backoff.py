"""When to try again: exponential, with full jitter, and never sooner than the other side asked."""

import random
from datetime import timedelta

from shared.errors import TranscriptsError

_LONGEST_S = 15 * 60.0


def wait_before(failures: int, error: TranscriptsError, *, base_s: float) -> timedelta:
    """How long the next attempt waits, after `failures` earlier ones (0: this was the first).

    A length, not a time: the clocks of workers need not agree.

    The wait is drawn from half to the whole of `base_s * 2**failures`, at most 15 minutes, so that jobs that
    failed together do not come back together; `retry_after_s` on the error is a lower bound.
    """
    longest = min(base_s * 2.0**failures, _LONGEST_S)
    wait = random.uniform(longest / 2, longest)  # noqa: S311  (jitter, not a secret)
    return timedelta(seconds=max(wait, float(error.extra.get("retry_after_s", 0))))
