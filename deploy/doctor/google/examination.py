"""The examination of a set-up for the engine google; it starts no operation, so it costs nothing."""

from collections.abc import AsyncIterator

from deploy.doctor.findings import Finding
from deploy.doctor.google import credentials, speech
from deploy.doctor.google.bucket import Bucket
from shared.settings import WorkerSettings


async def examine_google(settings: WorkerSettings) -> AsyncIterator[Finding]:
    """What is right and wrong; without a token there is nothing more to ask."""
    identity, found = await credentials.check(settings)
    for finding in found:
        yield finding
    if identity is None:
        return
    bucket = Bucket(settings, identity)
    try:
        for finding in await speech.check(settings, identity):
            yield finding
        for finding in await bucket.check():
            yield finding
    finally:
        await bucket.aclose()
