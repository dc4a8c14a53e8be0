"""Makes the local engine of the settings; the models are checked first."""

from shared.settings import WorkerSettings
from worker_service.engines.local.engine import LocalEngine
from worker_service.engines.local.weights import BUNDLED, VOICES, verify
from worker_service.engines.port import Shared


def open_local(settings: WorkerSettings, _shared: Shared, /) -> LocalEngine:
    """The engine; EngineMisconfiguredError where its models are missing or not the pinned ones."""
    if settings.whisper_model in BUNDLED:
        for weights in (BUNDLED[settings.whisper_model], VOICES):
            verify(weights, settings.models_dir)
    return LocalEngine(
        models_dir=settings.models_dir,
        model=settings.whisper_model,
        processes=settings.cpu_jobs,
        threads=settings.whisper_threads,
    )
