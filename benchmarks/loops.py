"""`python -m benchmarks.loops`: how long a long transcript holds the event loop while it is saved and while it is read.

Against cutting its words into segments right there, which is the least that a handler on the loop would do. CPU time of
the loop's thread between two of its ticks: what else the machine does counts little, and still something.
"""

import argparse
import asyncio
import tempfile
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from shared.observation.logs import configure
from shared.segments import segment
from shared.transcript import Word
from tests.fixtures.audio import tone_wav
from tests.fixtures.one_loop import heard, on_this_loop, read, transcribed
from tests.fixtures.stores import stores

_TICK_S = 0.002


class Watch:
    """Ticks on the loop; knows how long its thread computed between two ticks, in milliseconds."""

    def __init__(self) -> None:
        self.longest_ms = 0.0

    async def run(self) -> None:
        """Tick until cancelled."""
        before = time.thread_time()
        while True:
            await asyncio.sleep(_TICK_S)
            now = time.thread_time()
            self.longest_ms, before = max(self.longest_ms, (now - before) * 1_000), now


@asynccontextmanager
async def watched() -> AsyncIterator[Watch]:
    """A watch that ticks while the block runs."""
    watch = Watch()
    ticking = asyncio.create_task(watch.run())
    try:
        yield watch
    finally:
        ticking.cancel()
        await asyncio.gather(ticking, return_exceptions=True)


def cut(words: Sequence[Word]) -> float:
    """How many milliseconds it takes to cut the words into segments, the best of three times."""
    taken = []
    for _ in range(3):
        began = time.thread_time()
        segment(words)
        taken.append(time.thread_time() - began)
    return min(taken) * 1_000


async def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.loops", description=__doc__)
    parser.add_argument("--words", type=int, nargs="+", default=[10_000, 40_000], help="of the transcripts")
    options = parser.parse_args()
    configure("ERROR", "auto", "benchmark")
    with tempfile.TemporaryDirectory(prefix="transcripts-loops-") as folder:
        async with (
            stores(Path(folder)) as (database_url, redis_url),
            on_this_loop(database_url, redis_url, Path(folder)) as service,
        ):
            audio = tone_wav(1)
            await read(service, await transcribed(service, audio, 20), "json")  # libraries are loaded
            print("| words | cut on the loop, ms | saved, ms | read, ms | saved to cut | read to cut |")
            print("|---|---|---|---|---|---|")
            for words in options.words:
                cut_ms = cut(await heard(words))
                async with watched() as saving:
                    session = await transcribed(service, audio, words)
                async with watched() as reading:
                    for kind in ("json", "txt", "csv"):
                        await read(service, session, kind)
                saved, red = saving.longest_ms, reading.longest_ms
                ratios = f"{saved / cut_ms:.2f} | {red / cut_ms:.2f}"
                print(f"| {words:,} | {cut_ms:.0f} | {saved:.0f} | {red:.0f} | {ratios} |")


if __name__ == "__main__":
    asyncio.run(main())
