"""Buckets and objects: bytes in files, what is known of them in the database, generations and conditions."""

import base64
import hashlib
import json
import secrets
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import google_crc32c

from tests.fakes.google.state import State, now_ms

Document = dict[str, Any]
SPEECH_AGENT = "service-0@gcp-sa-speech.iam.gserviceaccount.com"


class StorageRefusal(Exception):  # noqa: N818 - it is an answer, not an error of ours
    """An HTTP request is answered with this status."""

    def __init__(self, status: int, message: str, reason: str = "invalid") -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Stored:
    """An object: its resource as the JSON API shows it, and the file with its bytes."""

    document: Document
    path: Path

    @property
    def generation(self) -> int:
        """The number that a new one of the same name exceeds."""
        return int(self.document["generation"])

    @property
    def size(self) -> int:
        """Its length in bytes."""
        return int(self.document["size"])


class Objects:
    """The buckets of the fake and what is in them."""

    def __init__(self, state: State) -> None:
        self._state = state

    def create_bucket(self, document: Document, *, agent: bool = True) -> Document:
        """Make a bucket; `agent` says whether the Speech service agent may use it. 409 where it exists."""
        name = str(document["name"])
        if self._state.row("SELECT 1 FROM buckets WHERE name = ?", name):
            raise StorageRefusal(
                409, "Your previous request to create the named bucket succeeded.", "conflict"
            )
        kept = {
            "kind": "storage#bucket",
            "id": name,
            "location": "US",
            "timeCreated": _now(),
            "metageneration": "1",
            "projectNumber": "0",
            **document,
        }
        kept["location"] = str(kept["location"]).upper()
        self._state.execute("INSERT INTO buckets VALUES (?, ?, ?)", name, json.dumps(kept), agent)
        return kept

    def bucket(self, name: str) -> Document:
        """A bucket's resource; 404 where there is none."""
        row = self._state.row("SELECT document FROM buckets WHERE name = ?", name)
        if not row:
            raise StorageRefusal(404, "The specified bucket does not exist.", "notFound")
        document: Document = json.loads(row["document"])
        return document

    def patch_bucket(self, name: str, changes: Document) -> Document:
        """Change a bucket, such as its lifecycle rules."""
        document = {**self.bucket(name), **changes}
        document["metageneration"] = str(int(document["metageneration"]) + 1)
        self._state.execute("UPDATE buckets SET document = ? WHERE name = ?", json.dumps(document), name)
        return document

    def agent_may(self, bucket: str) -> bool:
        """Whether the Speech service agent may read and write the bucket."""
        row = self._state.row("SELECT agent FROM buckets WHERE name = ?", bucket)
        return bool(row and row["agent"])

    def find(self, bucket: str, name: str) -> Stored | None:
        """The object of this name, or None."""
        row = self._state.row("SELECT * FROM objects WHERE bucket = ? AND name = ?", bucket, name)
        if not row:
            return None
        return Stored(json.loads(row["document"]), self._state.objects / row["file"])

    def get(self, bucket: str, name: str) -> Stored:
        """The object of this name; 404 where there is none."""
        self.bucket(bucket)
        found = self.find(bucket, name)
        if not found:
            raise StorageRefusal(404, f"No such object: {bucket}/{name}", "notFound")
        return found

    def put_bytes(self, bucket: str, name: str, data: bytes, document: Document | None = None) -> Stored:
        """Store bytes under a name."""
        path = self._state.uploads / secrets.token_hex(16)
        path.write_bytes(data)
        return self.adopt(bucket, name, path, document or {})

    def adopt(self, bucket: str, name: str, path: Path, document: Document) -> Stored:
        """Make a finished file the object's bytes, moving it; 400 where its checksums are not as announced."""
        crc32c, md5, size = _sums(path)
        for key, actual in (("crc32c", crc32c), ("md5Hash", md5)):
            if document.get(key, actual) != actual:
                path.unlink()
                raise StorageRefusal(400, f"Provided {key} doesn't match calculated {key} {actual!r}.")
        old = self.find(bucket, name)
        generation = max(now_ms() * 1_000, old.generation + 1 if old else 0)
        kept = {
            "contentType": "application/octet-stream",
            "storageClass": "STANDARD",
            "timeCreated": _now(),
            "updated": _now(),
            "metageneration": "1",
            **{key: value for key, value in document.items() if value is not None},
            "kind": "storage#object",
            "id": f"{bucket}/{name}/{generation}",
            "bucket": bucket,
            "name": name,
            "generation": str(generation),
            "size": str(size),
            "crc32c": crc32c,
            "md5Hash": md5,
            "etag": base64.b64encode(str(generation).encode()).decode(),
        }
        file = secrets.token_hex(16)
        path.rename(self._state.objects / file)
        self._state.execute(
            "INSERT OR REPLACE INTO objects VALUES (?, ?, ?, ?, ?)",
            bucket,
            name,
            generation,
            json.dumps(kept),
            file,
        )
        if old:
            old.path.unlink()
        return Stored(kept, self._state.objects / file)

    @property
    def rewrite_bytes(self) -> int:
        """How much of an object one call copies; 0: all."""
        return self._state.settings.rewrite_bytes

    def join(self, bucket: str, name: str, sources: Sequence[Stored], document: Document) -> Stored:
        """Make an object of others, one after the other."""
        self.bucket(bucket)
        path = self._state.uploads / secrets.token_hex(16)
        with path.open("wb") as target:
            for source in sources:
                with source.path.open("rb") as file:
                    shutil.copyfileobj(file, target)
        return self.adopt(bucket, name, path, document)

    def patch(self, stored: Stored, changes: Document) -> Document:
        """Change an object's metadata."""
        document = {**stored.document, **changes, "updated": _now()}
        document["metageneration"] = str(int(document["metageneration"]) + 1)
        self._state.execute(
            "UPDATE objects SET document = ? WHERE bucket = ? AND name = ?",
            json.dumps(document),
            document["bucket"],
            document["name"],
        )
        return document

    def delete(self, stored: Stored) -> None:
        """Remove an object."""
        self._state.execute(
            "DELETE FROM objects WHERE bucket = ? AND name = ?",
            stored.document["bucket"],
            stored.document["name"],
        )
        stored.path.unlink()

    def list(self, bucket: str, query: Mapping[str, str]) -> Document:
        """A page of a listing: prefix, delimiter, startOffset, endOffset, maxResults and pageToken."""
        self.bucket(bucket)
        prefix, delimiter = query.get("prefix", ""), query.get("delimiter", "")
        after, start, end = (
            query.get("pageToken", ""),
            query.get("startOffset", ""),
            query.get("endOffset", ""),
        )
        limit = min(int(query.get("maxResults", 1_000)), self._state.settings.list_page_size)
        items: list[Document] = []
        prefixes: dict[str, None] = {}
        rows = self._state.rows("SELECT name, document FROM objects WHERE bucket = ? ORDER BY name", bucket)
        for row in rows:
            name = row["name"]
            rest = name.removeprefix(prefix)
            folder = prefix + rest.split(delimiter)[0] + delimiter if delimiter and delimiter in rest else ""
            if not name.startswith(prefix) or name < start or (end and name >= end):
                continue
            if name <= after or (folder and folder <= after):
                continue
            if len(items) + len(prefixes) >= limit and folder not in prefixes:
                last = max([item["name"] for item in items] + list(prefixes))
                return _page(items, prefixes, last)
            if folder:
                prefixes[folder] = None
            else:
                items.append(json.loads(row["document"]))
        return _page(items, prefixes, None)


def check_conditions(stored: Stored | None, query: Mapping[str, str]) -> None:
    """412 (or 304 for ifGenerationNotMatch) where the object is not as the caller's conditions say.

    A generation of 0 stands for "there is none", so `ifGenerationMatch=0` creates and never overwrites.
    """
    generation = stored.generation if stored else 0
    metageneration = int(stored.document["metageneration"]) if stored else 0
    for name, actual in (("ifGenerationMatch", generation), ("ifMetagenerationMatch", metageneration)):
        if name in query and int(query[name]) != actual:
            raise StorageRefusal(
                412, "At least one of the pre-conditions you specified did not hold.", "conditionNotMet"
            )
    if "ifGenerationNotMatch" in query and int(query["ifGenerationNotMatch"]) == generation:
        raise StorageRefusal(304, "Not Modified", "notModified")


def _page(items: list[Document], prefixes: Mapping[str, None], token: str | None) -> Document:
    page = {"kind": "storage#objects", "items": items, "prefixes": list(prefixes), "nextPageToken": token}
    return {key: value for key, value in page.items() if value}  # what is empty is left out


def _sums(path: Path) -> tuple[str, str, int]:
    crc, md5, size = google_crc32c.Checksum(), hashlib.md5(usedforsecurity=False), 0  # type: ignore[no-untyped-call]
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            crc.update(block)  # type: ignore[no-untyped-call]
            md5.update(block)
            size += len(block)
    digest: bytes = crc.digest()  # type: ignore[no-untyped-call]
    return base64.b64encode(digest).decode(), base64.b64encode(md5.digest()).decode(), size


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
