"""The examination of a set-up for the engine google; it starts no operation, so it costs nothing."""

from collections.abc import AsyncIterator

from deploy.doctor.google import credentials, speech
from deploy.doctor.google.bucket import Bucket, bucket_of
from shared.examination.findings import Finding, fail
from shared.settings import WorkerSettings


async def examine_google(settings: WorkerSettings) -> AsyncIterator[Finding]:
    """What is right and wrong; without a token there is nothing more to ask."""
    for finding in _unset(settings):
        yield finding
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


def _unset(settings: WorkerSettings) -> list[Finding]:
    """The settings that the engine cannot do without."""
    found = []
    if not settings.google_project_id:
        fix = "GOOGLE_PROJECT_ID=your-project (its id, not its number or name)"
        found.append(fail("project", "None is set.", fix))
    if bucket_of(settings) is None:
        detail = "None is set, and Google reads nothing but buckets of Cloud Storage."
        found.append(fail("bucket", detail, "TRANSCRIPTS_GOOGLE_BUCKET=gs://your-bucket"))
    return found
