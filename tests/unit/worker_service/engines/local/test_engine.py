"""Tests of what the local engine refuses and how it behaves before any child is started."""

from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from shared.errors import EngineMisconfiguredError, UnsupportedOptionError
from worker_service.engines.local.engine import LocalEngine
from worker_service.engines.port import Engine, SpeechRequest

JOB = UUID(int=7)


def engine(model: str = "base", models_dir: Path = Path("nowhere")) -> LocalEngine:
    return LocalEngine(models_dir=models_dir, model=model, processes=1, threads=1)


def order(**options: Any) -> SpeechRequest:
    return SpeechRequest(
        **{"job_id": JOB, "attempt": 3, "audio": Path("a.flac"), "duration_ms": 1000, **options}
    )


@pytest.mark.parametrize(
    "options",
    [
        {"language": "tlh"},
        {"language": "yue-HK"},
        {"model": "large-v3"},
        {"model": "/etc"},
        {"model": "."},
        {"model": "Systran/faster-whisper-small"},
        {"model": "tiny.en", "language": "de"},
        {"speakers": 9},
        {"speakers": 0},
    ],
)
def test_what_cannot_be_done_is_refused_before_anything_starts(options: dict[str, Any]) -> None:
    """F20, F21: and a caller cannot name a folder of the worker, nor have it fetch from a hub."""
    with pytest.raises(UnsupportedOptionError):
        engine().check(order(**options))


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"language": "zh-TW"},
        {"language": "en-AU", "model": "tiny.en"},
        {"model": "tiny.en"},
        {"model": "base", "speakers": 8},
        {"diarization": False, "speakers": 1},
    ],
)
def test_what_can_be_done_is_taken(options: dict[str, Any]) -> None:
    engine().check(order(**options))


def test_the_owner_may_name_a_folder_and_callers_then_ask_for_it_by_its_last_part(tmp_path: Path) -> None:
    owned = engine(str(tmp_path / "mine"))
    owned.check(order())
    owned.check(order(model="mine", language="yue"))
    with pytest.raises(UnsupportedOptionError, match=r"It has base, mine, tiny\.en"):
        owned.check(order(model=str(tmp_path / "other")))


@pytest.mark.parametrize(
    ("model", "offline"), [("base", True), ("/models/mine", True), ("./mine", True), ("large-v3", False)]
)
def test_only_a_hubs_model_lets_the_child_reach_the_hub(model: str, offline: bool) -> None:
    """F44: no download at run time unless the owner asks for one."""
    assert (engine(model).environment().get("HF_HUB_OFFLINE") == "1") is offline


async def test_the_steps_before_the_work_cost_nothing() -> None:
    local: Engine = engine()
    staged = await local.stage(order())
    assert await local.submit(order(), staged) == f"local/{JOB}/3"
    assert await local.find(order().prefix) is None
    await local.cancel("local/unknown/1", 1_000)
    await local.aclose()


async def test_a_worker_without_models_says_how_to_get_them(tmp_path: Path) -> None:
    local = engine(models_dir=tmp_path)
    try:
        with pytest.raises(EngineMisconfiguredError, match=r"deploy\.local\.models"):
            await local.follow(order(), "local/x/1", lambda _: None)
    finally:
        await local.aclose()
