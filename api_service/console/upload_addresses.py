"""Where a bucket takes an upload that a page began: sealed, so that the browser may keep it while the page is closed.

Who has such an address can write the recording, for a week, without a key. So what lies in the storage of a browser is
of no use by itself: it is opened for those alone whose upload it is, as long as it is one.
"""

import json
import secrets
from typing import Final
from uuid import UUID

from shared.errors import NotFoundError
from shared.pepper import Pepper, SealedError

LONGEST: Final = 4_000


class UploadAddresses:
    """Seals and opens them, each together with the upload that it is of."""

    def __init__(self, pepper: Pepper | None) -> None:
        """Without a pepper they are good until the process ends; then an upload begins anew."""
        self._pepper = pepper or Pepper([secrets.token_urlsafe(32)])

    def seal(self, upload_id: UUID, address: str) -> str:
        """What a browser may keep."""
        said = json.dumps({"upload": str(upload_id), "address": address})
        return self._pepper.seal(said.encode()).decode()

    def open(self, upload_id: UUID, sealed: str) -> str:
        """The address; NotFoundError where it is of another upload, or was sealed under an older pepper."""
        try:
            said = json.loads(self._pepper.open(sealed.encode()))
        except SealedError:
            raise NotFoundError from None
        if said.get("upload") != str(upload_id):
            raise NotFoundError
        return str(said["address"])
