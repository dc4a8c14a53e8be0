"""Hundreds of damaged recordings: each is decoded, or refused with an error of ours; no decoder dies or hangs."""

from dataclasses import asdict
from pathlib import Path

from shared.errors import MediaError
from tests.fixtures.damage import damaged
from tests.fixtures.media import FORMATS, make, prepared, tone, video
from worker_service.children import Child
from worker_service.serving import Limits

COPIES = 16
LIMITS = Limits(memory_bytes=768 << 20, cpu_seconds=60, file_bytes=64 << 20, open_files=64)


def sources(folder: Path) -> dict[str, bytes]:
    """A short recording of each kind."""
    for name in FORMATS:
        make(folder, name, seconds=0.5, wave=tone())
    video(folder / "film.mp4", with_sound=True)
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


async def test_damage_never_takes_a_decoder_with_it(tmp_path: Path) -> None:
    """One child reads them all, one after another, as no real one does: if it dies or hangs, this test fails."""
    (tmp_path / "whole").mkdir()
    source, target = tmp_path / "damaged", tmp_path / "audio.flac"
    heard, refusals = 0, list[tuple[str, str, str]]()
    child = await Child.start("worker_service.media.child", secrets=False)
    try:
        for name, data in sources(tmp_path / "whole").items():
            for what, copy in damaged(data, COPIES, name):
                source.write_bytes(copy)
                request = {
                    "source": str(source), "target": str(target), "max_duration_ms": 60_000,
                    "limits": asdict(LIMITS),
                }  # fmt: skip
                try:
                    found = await child.ask(request)
                except MediaError as error:
                    refusals.append((error.detail, name, what))
                else:
                    heard += 1
                    assert found["duration_ms"] == len(prepared(target)) * 1000 // 16_000, (name, what)
                    assert 0 < found["duration_ms"] <= 60_000
    finally:
        await child.kill()
    assert heard + len(refusals) == COPIES * (len(FORMATS) + 1)
    assert not [refusal for refusal in refusals if "failed on it" in refusal[0]]  # what nothing foresaw
    assert len(refusals) > 20
    assert heard > len(refusals) / 2  # the damage is not such that nothing is read any more


def test_the_damage_is_the_same_every_time() -> None:
    first = list(damaged(bytes(10_000), 16, "x"))
    assert first == list(damaged(bytes(10_000), 16, "x"))
    assert len({copy for _, copy in first}) > 12
