"""Where recordings and prepared audio live, behind the ObjectStore port."""

from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import SplitResult, unquote, urlsplit

from shared.errors import SetupError
from shared.ports import ObjectStore
from shared.settings import CoreSettings
from shared.storage.disk import DiskStore

if TYPE_CHECKING:
    from shared.storage.gcs_http import CloudStorage

_GOOGLE_STORAGE: Final = "https://storage.googleapis.com"


def store_of(settings: CoreSettings, *, scratch_dir: Path | None = None) -> ObjectStore:
    """The store that the settings name; `scratch_dir` is where local copies of its objects go.

    Opens no connection. Raises SetupError where it cannot be used.
    """
    key = settings.google_credentials
    return open_store(
        settings.storage_url,
        google_credentials=key.get_secret_value() if key else None,
        gcs_endpoint=settings.gcs_endpoint,
        scratch_dir=scratch_dir,
    )


def folders(settings: CoreSettings) -> dict[str, Path]:
    """The folders on disks of ours that recordings fill, by name; none where a bucket has them."""
    parts = urlsplit(settings.storage_url)
    return {"objects": _folder(parts)} if parts.scheme == "file" else {}


def browser_origin(settings: CoreSettings) -> str | None:
    """The origin at which browsers themselves read and write objects; None where all goes through the API."""
    if urlsplit(settings.storage_url).scheme != "gs":
        return None
    parts = urlsplit(settings.gcs_endpoint or _GOOGLE_STORAGE)
    return f"{parts.scheme}://{parts.netloc}"


def open_store(
    url: str,
    *,
    google_credentials: str | None = None,
    gcs_endpoint: str | None = None,
    scratch_dir: Path | None = None,
) -> ObjectStore:
    """The store that `url` names: `file:///absolute/folder` or `gs://bucket/prefix`; see `store_of`."""
    parts = urlsplit(url)
    match parts.scheme:
        case "file":
            return DiskStore(_folder(parts))
        case "gs":
            return _bucket(parts, google_credentials, gcs_endpoint, scratch_dir)
    raise SetupError(
        f"TRANSCRIPTS_STORAGE_URL: {parts.scheme}:// is not built in. Use file:///absolute/folder or gs://bucket."
    )


def cloud_of(settings: CoreSettings) -> "CloudStorage":
    """Cloud Storage as the settings reach it, for buckets that are not the store's; opens no connection."""
    key = settings.google_credentials
    return _cloud(key.get_secret_value() if key else None, settings.gcs_endpoint)


def _folder(parts: SplitResult) -> Path:
    folder = Path(unquote(parts.path))
    if parts.netloc or not folder.is_absolute() or folder == Path("/"):
        raise SetupError(
            "TRANSCRIPTS_STORAGE_URL: name an absolute folder, as in file:///var/lib/transcripts"
        )
    return folder


def _bucket(
    parts: SplitResult, credentials: str | None, endpoint: str | None, scratch_dir: Path | None
) -> ObjectStore:
    # A third of a second of imports (cryptography, requests) that a disk does without.
    from shared.storage.gcs import GcsStore  # noqa: PLC0415

    if not parts.netloc or parts.query or parts.fragment or "@" in parts.netloc or ":" in parts.netloc:
        raise SetupError("TRANSCRIPTS_STORAGE_URL: name a bucket, as in gs://bucket or gs://bucket/prefix")
    cloud = _cloud(credentials, endpoint)
    return GcsStore(cloud, parts.netloc, prefix=unquote(parts.path), scratch_dir=scratch_dir)


def _cloud(credentials: str | None, endpoint: str | None) -> "CloudStorage":
    from shared.storage.gcs_http import GOOGLE, CloudStorage  # noqa: PLC0415  (as above)
    from shared.storage.google_identity import Anonymous, identify  # noqa: PLC0415

    # Ambient credentials are for Google: another server gets a token only where a key was given for it.
    identity = identify(credentials) if credentials or not endpoint else Anonymous()
    return CloudStorage(identity, endpoint=endpoint or GOOGLE)
