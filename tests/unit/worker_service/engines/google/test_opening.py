"""What the engine google needs is named before anything is sent."""

import pytest

from shared.errors import EngineMisconfiguredError, SetupError
from shared.settings import WorkerSettings
from worker_service.engines.google.budget import CallBudget
from worker_service.engines.google.opening import open_google

NEEDED = {
    "DATABASE_URL": "postgresql://h/d",
    "REDIS_URL": "redis://h",
    "TRANSCRIPTS_STORAGE_URL": "file:///none",
}


def settings(**given: str) -> WorkerSettings:
    return WorkerSettings(**{**NEEDED, "GOOGLE_PROJECT_ID": "p", **given})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("given", "error", "names"),
    [
        ({"GOOGLE_PROJECT_ID": ""}, EngineMisconfiguredError, "GOOGLE_PROJECT_ID"),
        ({}, EngineMisconfiguredError, "TRANSCRIPTS_GOOGLE_BUCKET"),
        (
            {"GOOGLE_APPLICATION_CREDENTIALS_JSON": "hunter2"},
            SetupError,
            "GOOGLE_APPLICATION_CREDENTIALS_JSON",
        ),
    ],
)
def test_what_is_missing_is_named(given: dict[str, str], error: type[Exception], names: str) -> None:
    """F26, F39."""
    with pytest.raises(error, match=names) as caught:
        open_google(settings(**given), None)
    assert "hunter2" not in str(caught.value)


def test_an_unknown_location_is_refused() -> None:
    with pytest.raises(ValueError, match="us-central1"):
        settings(TRANSCRIPTS_GOOGLE_LOCATIONS="us,mars")


@pytest.mark.parametrize("per_minute", [20, 150, 600])
def test_burst_and_flow_stay_under_the_quota(per_minute: int) -> None:
    """F37: TRANSCRIPTS_GOOGLE_CALLS_PER_MINUTE is what is kept to."""
    budget = CallBudget(None, "key", per_minute=per_minute)
    assert budget.calls_a_second * 60 + max(1, per_minute // 15) < per_minute
