"""F17: while a long transcript is saved and read, the event loops of API and worker stay free."""

from pathlib import Path

from shared.segments import segment
from tests.fixtures.audio import tone_wav
from tests.fixtures.loop_work import LoopWork
from tests.fixtures.one_loop import heard, on_this_loop, read, transcribed

WORDS = 10_000  # more than an hour of speech
SEGMENTS = WORDS // 8  # as the script's speakers take turns
AUDIO = tone_wav(1)


async def test_a_long_transcript_holds_the_loop_neither_when_saved_nor_when_read(
    database_url: str, redis_url: str, tmp_path: Path
) -> None:
    """In no turn of the loop is anything done for each segment, or all of it put into JSON."""
    async with on_this_loop(database_url, redis_url, tmp_path) as service:
        few = await transcribed(service, AUDIO, 20)  # libraries are loaded with their first use
        await read(service, few, "json")
        assert len(segment(await heard(WORDS))) >= SEGMENTS

        work = LoopWork()
        with work.counting():
            many = await transcribed(service, AUDIO, WORDS)
        assert work.most_calls < SEGMENTS / 10, str(work)
        assert work.longest_json < WORDS, str(work)
        for kind in ("json", "txt", "csv"):
            work = LoopWork()
            with work.counting():
                file = await read(service, many, kind)
            assert len(file) > WORDS * 5
            assert work.most_calls < SEGMENTS / 10, str(work)
            assert work.longest_json < WORDS, str(work)
