"""Full-text search against ILIKE on the same rows: `python -m benchmarks.search`.

Makes a Postgres of its own with sessions of an hour each (words by Zipf's law, a fifth of the sessions Chinese), then
asks the same questions both ways: `GET /v1/search`'s repository, and `content ILIKE '%...%'`, newest first, which is
what a user would write instead. Both give the first 20 hits; times are medians of warm runs. How far it is goes to
standard error; a thousand sessions take two to three minutes.
"""

import argparse
import asyncio
import bisect
import random
import secrets
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from itertools import accumulate
from pathlib import Path
from typing import Final, TypeAlias
from uuid import UUID

from rich.console import Console
from rich.table import Table

from deploy.local.postgres import Postgres
from deploy.migrations import upgrade
from shared.database import Pool, open_pool
from shared.ids import new_id
from shared.search.query import Query
from shared.search.terms import vector
from shared.tenants import DEFAULT_TENANT
from shared.transcripts.search import SearchFilter, SearchOrder, SearchRepository

SEGMENTS_AN_HOUR: Final = 300
WORDS_A_SEGMENT: Final = 30
PAGE: Final = 20
_WRITERS: Final = 4
_ENOUGH_MS: Final = 1_000.0
_HEAD: Final = "the i you to and a that it of in what is so do we have me was be for not on this know"
_SYLLABLES: Final = "ba ke li mo nu ra se ti vo zu cha dre fin gol hes jor pla qui stra win"
_LIKE: Final = (
    "SELECT g.session_id, g.n, g.content FROM transcript_segment g JOIN session s ON s.id = g.session_id"
    " WHERE s.tenant_id = $1 AND g.content ILIKE '%' || $2 || '%' ORDER BY g.session_id DESC, g.n LIMIT $3"
)

Note: TypeAlias = Callable[[str], None]
"""Says how far it is."""


class Vocabulary:
    """Words drawn by Zipf's law."""

    def __init__(self, dice: random.Random, words: Sequence[str]) -> None:
        self._dice = dice
        self.words = words
        self._reached = list(accumulate(1 / (rank + 2) for rank in range(len(words))))

    def draw(self, count: int) -> list[str]:
        """So many words."""
        total = self._reached[-1]
        return [self.words[bisect.bisect(self._reached, self._dice.random() * total)] for _ in range(count)]


def english(dice: random.Random) -> Vocabulary:
    """Some common words, and 20,000 made of syllables."""
    syllables = _SYLLABLES.split()
    made = {"".join(dice.choices(syllables, k=dice.randint(2, 4))) for _ in range(26_000)}
    return Vocabulary(dice, [*_HEAD.split(), *sorted(made)[:20_000]])


def chinese(dice: random.Random) -> Vocabulary:
    """3,000 characters."""
    characters = [chr(code) for code in range(0x4E00, 0x4E00 + 3_000)]
    dice.shuffle(characters)
    return Vocabulary(dice, characters)


async def fill(pool: Pool, sessions: int, note: Note) -> None:
    """Make the sessions; a rare word and a rare pair of characters stand in a few of them."""
    dice = random.Random(1)
    made = _made(english(dice), chinese(dice), sessions)
    index = await pool.fetchval("SELECT pg_get_indexdef('transcript_segment_by_term'::regclass)")
    await pool.execute(
        "DROP INDEX transcript_segment_by_term"
    )  # made at once at the end, it takes a fifth of the time
    done = 0

    async def write() -> None:
        nonlocal done
        for session_id, rows in made:  # shared: whose rows are written leaves the turn to another
            await _write(pool, session_id, rows)
            done += 1
            if done % max(1, sessions // 10) == 0:
                note(f"{done} of {sessions} sessions")

    await asyncio.gather(*(write() for _ in range(_WRITERS)))
    note("the index")
    async with pool.acquire() as connection:
        await connection.execute("SET maintenance_work_mem = '256MB'")
        await connection.execute(index, timeout=600)
        await connection.execute("VACUUM ANALYZE", timeout=600)


def _made(
    words: Vocabulary, characters: Vocabulary, sessions: int
) -> Iterator[tuple[UUID, list[tuple[object, ...]]]]:
    for index in range(sessions):
        session_id, in_chinese = new_id(), index % 5 == 0
        rows: list[tuple[object, ...]] = []
        for n in range(SEGMENTS_AN_HOUR):
            text = (
                "".join(characters.draw(WORDS_A_SEGMENT * 2)) + "。"
                if in_chinese
                else " ".join(words.draw(WORDS_A_SEGMENT)).capitalize() + "."
            )
            if n == 7 and index % max(1, sessions // 10) in (0, 1):
                text += "羈絆教練" if in_chinese else " A kaleidoscope of options."
            rows.append(_row(session_id, n, text))
        yield session_id, rows


async def _write(pool: Pool, session_id: UUID, rows: Sequence[tuple[object, ...]]) -> None:
    async with pool.acquire() as connection, connection.transaction():
        await connection.execute(
            "INSERT INTO session (id, tenant_id, title, audio_key, audio_container, audio_size, audio_sha256)"
            " VALUES ($1, $2, 't', '', 'wav', 0, '')",
            session_id, DEFAULT_TENANT,
        )  # fmt: skip
        await connection.executemany(
            "INSERT INTO transcript_segment (session_id, n, start_ms, end_ms, speaker, content, words, search)"
            " VALUES ($1, $2, $3, $4, $5, $6, $7, $8::text::tsvector)",
            rows,
        )


def _row(session_id: UUID, n: int, text: str) -> tuple[object, ...]:
    parts = text.split(" ") if " " in text else list(text)
    words = [
        [part, n * 12_000 + i * 300, n * 12_000 + i * 300 + 250, 0.9, False] for i, part in enumerate(parts)
    ]
    start = n * 12_000
    return (session_id, n, start, start + 11_000, n % 2 + 1, text, words, vector(text, DEFAULT_TENANT))


async def timed(ask: Callable[[], Awaitable[int]], runs: int) -> tuple[float, float, int]:
    """The median and the slowest of some runs in milliseconds after a first one, and how many hits came.

    What is slow is asked less often: three times at least.
    """
    found = await ask()
    took: list[float] = []
    while len(took) < runs and (len(took) < 3 or sum(took) < _ENOUGH_MS):
        began = time.perf_counter()
        found = await ask()
        took.append((time.perf_counter() - began) * 1000)
    return statistics.median(took), max(took), found


async def compare(pool: Pool, runs: int, note: Note) -> Table:
    """Every kind of question, both ways."""
    words = english(random.Random(1)).words
    middle, scarce = words[400], words[4_000]
    table = Table("question", "q", "hits", "search ms", "max", "newest ms", "ILIKE ms", "ILIKE / search")
    repository = SearchRepository(pool)
    for name, asked, pattern in [
        ("rare word", "kaleidoscope", "kaleidoscope"),
        ("scarce word", scarce, scarce),
        ("usual word", middle, middle),
        ("two words", f"{words[60]} {words[90]}", None),
        ("phrase", '"what is so"', "what is so"),
        ("beginning", "kaleid*", "kaleid"),
        ("very common word", "what", "what"),
        ("rare Chinese word", "羈絆", "羈絆"),
        ("four characters", "羈絆教練", "羈絆教練"),
        ("nothing there", "xylophone", "xylophone"),
    ]:
        query = Query.parse(asked)
        note(f"{name}: {asked}")

        async def ask(order: SearchOrder, query: Query = query) -> int:
            hits = await repository.find(DEFAULT_TENANT, query, SearchFilter(), order=order, limit=PAGE)
            return hits.total if hits.total is not None else len(hits.items)

        async def like(pattern: str | None = pattern) -> int:
            return len(await pool.fetch(_LIKE, DEFAULT_TENANT, pattern, PAGE))

        best, slowest, total = await timed(lambda ask=ask: ask(SearchOrder.RELEVANCE), runs)  # type: ignore[misc]
        newest, _, _ = await timed(lambda ask=ask: ask(SearchOrder.NEWEST), runs)  # type: ignore[misc]
        plain = (await timed(like, runs))[0] if pattern else None
        table.add_row(
            name, asked, str(total), f"{best:.1f}", f"{slowest:.1f}", f"{newest:.1f}",
            f"{plain:.1f}" if plain else "-", f"{plain / best:.0f}x" if plain else "-",
        )  # fmt: skip
    return table


async def measure(url: str, sessions: int, runs: int) -> None:
    """Fill a database and print the table."""
    console, aside, began = Console(width=140), Console(stderr=True), time.perf_counter()

    def note(text: str) -> None:
        aside.print(f"{time.perf_counter() - began:4.0f} s  {text}", highlight=False)

    async with await open_pool(url, size=_WRITERS, name="benchmark") as pool:
        await fill(pool, sessions, note)
        console.print(f"{sessions} sessions of an hour, written in {time.perf_counter() - began:.0f} s")
        for relation in ("transcript_segment", "transcript_segment_by_term"):
            size = await pool.fetchval("SELECT pg_relation_size($1::regclass)", relation)
            console.print(f"{relation}: {size / 1e6:.0f} MB")
        console.print(await compare(pool, runs, note))


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--sessions", type=int, default=1_000, help="sessions of an hour each")
    parser.add_argument("--runs", type=int, default=20, help="timed runs of each question")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="transcripts-benchmark-") as folder:
        server = Postgres(
            Path(folder) / "postgres", password=secrets.token_hex(16), log=Path(folder) / "log", durable=False
        )
        server.start(database="search")
        try:
            upgrade(server.url("search"))
            asyncio.run(measure(server.url("search"), arguments.sessions, arguments.runs))
        finally:
            server.stop()


if __name__ == "__main__":
    main()
