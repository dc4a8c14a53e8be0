"""A parent that a test kills: it starts a child that waits, and prints the child's process id."""

import asyncio

from tests.unit.worker_service import talking_child
from worker_service.children import Child


async def main() -> None:
    child = await Child.start(talking_child.__name__)
    await child.ask({"wait": True}, lambda told: print(told["pid"], flush=True))


if __name__ == "__main__":
    asyncio.run(main())
