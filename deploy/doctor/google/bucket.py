"""The bucket that Speech-to-Text reads and writes: there, ours to use, near, and emptied by a rule."""

from collections.abc import AsyncIterator, Mapping
from typing import Any, Final
from urllib.parse import SplitResult, unquote, urlsplit

from deploy.doctor.google.rules import Rules
from shared.errors import StorageMisconfiguredError, TranscriptsError
from shared.examination.findings import Finding, fail, note, ok
from shared.ids import new_id
from shared.settings import WorkerSettings
from shared.settings.google import by_comma
from shared.storage.gcs import GcsStore
from shared.storage.gcs_http import GOOGLE, CloudStorage
from shared.storage.google_identity import Identity

FOLDERS: Final = ("results", "staged")
"""Where the engine's objects lie, below the prefix of the bucket's URL (`worker_service.engines.google`)."""

_WAIT_S: Final = 0.05  # of a first retry: who asks the doctor does not wait for half a minute
_AGENT_ROLES: Final = frozenset(
    f"roles/{name}"
    for name in ("speech.serviceAgent", "storage.objectUser", "storage.objectAdmin", "storage.admin")
)
_AGENT: Final = "@gcp-sa-speech.iam.gserviceaccount.com"


def bucket_of(settings: WorkerSettings) -> SplitResult | None:
    """The URL of the engine's bucket, its own or the storage's; None where neither is one."""
    url = settings.google_bucket or settings.storage_url
    parts = urlsplit(url if "://" in url else f"gs://{url}")
    return parts if parts.scheme == "gs" and parts.netloc else None


class Bucket:
    """One bucket, seen with our identity."""

    def __init__(self, settings: WorkerSettings, identity: Identity) -> None:
        """The engine's bucket, if one is set; opens no connection."""
        parts = bucket_of(settings)
        self.name = parts.netloc if parts else ""
        self._prefix = unquote(parts.path).strip("/") if parts else ""
        self._project = settings.google_project_id or "PROJECT"
        self._locations = by_comma(settings.google_locations)
        storage = urlsplit(settings.storage_url)
        shared = storage.scheme == "gs" and storage.netloc == self.name
        self._storage = f"{unquote(storage.path).strip('/')}/".lstrip("/") if shared else None
        self._identity = identity
        self._cloud = CloudStorage(identity, endpoint=settings.gcs_endpoint or GOOGLE, wait_s=_WAIT_S)

    async def check(self) -> list[Finding]:
        """All that can be said of it; where it cannot be used, why; nothing where none is set."""
        if not self.name:
            return []
        used = await self._used()
        if used.fix:
            return [used]
        try:
            document = (await self._get("")).json()
        except TranscriptsError:
            member = await self._member()
            unseen = note(
                "bucket",
                "Its region and its rules cannot be read: our account may not get the bucket itself.",
                self._grant(member, "roles/storage.legacyBucketReader"),
            )
            return [used, unseen, await self._agent()]
        rules = Rules(
            self.name,
            document.get("lifecycle", {}).get("rule", []),
            folders=[f"{self._prefix}/{name}/".lstrip("/") for name in FOLDERS],
            storage=self._storage,
        )
        found = [used, self._region(document["location"]), *rules.findings()]
        return [*found, *self._soft_delete(document), await self._agent()]

    async def aclose(self) -> None:
        """Close every connection, and the identity."""
        await self._cloud.aclose()

    async def _get(self, path: str) -> Any:
        return await self._cloud.call("GET", f"/storage/v1/b/{self.name}{path}")

    async def _used(self) -> Finding:
        """Write, read, list and delete, where the engine does."""
        store = GcsStore(self._cloud, self.name, prefix=self._prefix)
        key = f"{FOLDERS[1]}/doctor/{new_id()}"
        step = "written to"

        async def block() -> AsyncIterator[bytes]:
            yield b"doctor"

        try:
            await store.put(key, block())
            step = "read"
            read = b"".join([chunk async for chunk in store.read(key)])
            step = "emptied"
            deleted = await store.delete_prefix(key)
        except StorageMisconfiguredError as error:
            return fail(
                "bucket", f"gs://{self.name} cannot be {step}: {error.detail}", await self._fix(error)
            )
        except TranscriptsError as error:
            fix = "storage.googleapis.com:443 must be reachable, and the key be of an account that exists."
            return fail("bucket", f"gs://{self.name} cannot be {step}: {error.detail}", fix)
        if read != b"doctor" or deleted != 1:
            return fail(
                "bucket", f"gs://{self.name} gives back other bytes than were written.", "Use another."
            )
        return ok("bucket", f"gs://{self.name} takes, gives back and deletes an object")

    async def _fix(self, error: StorageMisconfiguredError) -> str:
        if "does not exist" in error.detail:
            place = "US" if _area(self._locations[0]) == "us" else self._locations[0]
            return (
                f"gcloud storage buckets create gs://{self.name} --project={self._project} --location={place} "
                "--uniform-bucket-level-access --public-access-prevention"
            )
        return self._grant(await self._member(), "roles/storage.objectUser")

    async def _member(self) -> str:
        try:
            return await self._identity.email()
        except TranscriptsError:
            return "ACCOUNT"

    def _grant(self, account: str, role: str) -> str:
        return (
            f"gcloud storage buckets add-iam-policy-binding gs://{self.name} "
            f"--member=serviceAccount:{account} --role={role}"
        )

    def _region(self, place: str) -> Finding:
        """F26: Google says that what a location works on stays on its continent; a bucket elsewhere breaks that."""
        far = [name for name in self._locations if _area(name) != _area(place)]
        if not far:
            return ok("region", f"the bucket is in {place}, near {', '.join(self._locations)}")
        return fail(
            "region",
            f"The bucket is in {place}, and {', '.join(far)} of Speech-to-Text is on another continent.",
            f"Take a bucket there, or locations near it: TRANSCRIPTS_GOOGLE_LOCATIONS={_near(place)}",
        )

    def _soft_delete(self, document: Mapping[str, Any]) -> list[Finding]:
        seconds = int(document.get("softDeletePolicy", {}).get("retentionDurationSeconds", 0))
        if not seconds:
            return []
        detail = (
            f"What is deleted can be restored, and is paid for, during another {seconds / 86_400:.0f} days."
        )
        fix = f"gcloud storage buckets update gs://{self.name} --clear-soft-delete, unless that is wanted"
        return [note("deletion", detail, fix)]

    async def _agent(self) -> Finding:
        """Speech-to-Text reads and writes as its own account; only an operation, which is paid, proves its rights."""
        number = f"$(gcloud projects describe {self._project} --format='value(projectNumber)')"
        grant = self._grant(f"service-{number}{_AGENT}", "roles/storage.objectUser")
        try:
            bindings = (await self._get("/iam")).json().get("bindings", [])
        except TranscriptsError:
            bindings = []
        for binding in bindings:
            agents = [member for member in binding["members"] if str(member).endswith(_AGENT)]
            if agents and binding["role"] in _AGENT_ROLES:
                return ok("agent", f"{agents[0].partition(':')[2]} has {binding['role']} on the bucket")
        return note(
            "agent",
            f"Google reads and writes the bucket as service-PROJECT_NUMBER{_AGENT}, not as us, and whether that "
            "account may is proven by a paid operation only (make verify-google). In a bucket of the same project "
            "it mostly may without a grant of its own.",
            grant,
        )


def _area(place: str) -> str:
    """The continent of a location of Speech-to-Text or of a bucket: us, europe, asia, …"""
    name = place.lower()
    for area, beginnings in (("us", ("us", "nam")), ("europe", ("eu",)), ("asia", ("asia",))):
        if name.startswith(beginnings):
            return area
    return name.partition("-")[0]


def _near(place: str) -> str:
    names = {"us": "us,us-central1", "europe": "eu,europe-west4", "asia": "asia-northeast1,asia-southeast1"}
    return names.get(_area(place), "us,us-central1 (none is nearer)")
