"""Local files as streams of blocks, read and written on threads."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from pathlib import Path
from typing import Final

BLOCK: Final = 1024 * 1024


async def blocks(path: Path, start: int = 0, length: int | None = None) -> AsyncGenerator[bytes, None]:
    """The file's bytes from `start` in blocks of at most 1 MiB."""
    file = await asyncio.to_thread(path.open, "rb")
    try:
        file.seek(start)
        left = length
        while left is None or left > 0:
            block = await asyncio.to_thread(file.read, BLOCK if left is None else min(BLOCK, left))
            if not block:
                return
            left = None if left is None else left - len(block)
            yield block
    finally:
        file.close()


async def write(path: Path, chunks: AsyncIterator[bytes]) -> None:
    """Make a file of the chunks, gathered into blocks of about 1 MiB."""
    file, block = await asyncio.to_thread(path.open, "wb"), bytearray()
    try:
        async for chunk in chunks:
            block += chunk
            if len(block) >= BLOCK:
                await asyncio.to_thread(file.write, bytes(block))
                block.clear()
        await asyncio.to_thread(file.write, bytes(block))
    finally:
        file.close()
