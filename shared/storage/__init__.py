"""Where recordings and prepared audio live, behind the ObjectStore port."""

from pathlib import Path
from urllib.parse import unquote, urlsplit

from shared.errors import SetupError
from shared.ports import ObjectStore
from shared.storage.disk import DiskStore


def open_store(url: str) -> ObjectStore:
    """The store that `url` names: `file:///absolute/folder`. Raises SetupError where it cannot be used."""
    parts = urlsplit(url)
    if parts.scheme != "file":
        raise SetupError(
            f"TRANSCRIPTS_STORAGE_URL: {parts.scheme}:// is not built in. Use file:///absolute/folder."
        )
    folder = Path(unquote(parts.path))
    if parts.netloc or not folder.is_absolute() or folder == Path("/"):
        raise SetupError(
            "TRANSCRIPTS_STORAGE_URL: name an absolute folder, as in file:///var/lib/transcripts"
        )
    return DiskStore(folder)
