"""A recording for those who have none at hand: it is taken in as one that somebody sent, by the same use case."""

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Final

from api_service.access.callers import Caller
from api_service.intake.submissions import Submissions, Submitted
from api_service.intake.uploads import Upload
from shared.errors import NotFoundError
from shared.schemas.orders import SessionForm

_BOUNDARY: Final = b"the-sample-recording"
_LANGUAGE: Final = "en"


class Sample:
    """The recording that a setting names; none where it is unset, or the file is gone."""

    def __init__(
        self,
        path: Path | None,
        submissions: Submissions,
        *,
        max_bytes: int,
        check: Callable[[SessionForm], None],
    ) -> None:
        """`max_bytes` and `check` are those of any recording."""
        self._path = path
        self._submissions = submissions
        self._max_bytes = max_bytes
        self._check = check

    @property
    def there(self) -> bool:
        """Whether there is one."""
        return self._path is not None and self._path.is_file()

    async def send(self, caller: Caller, title: str) -> Submitted:
        """A session of it; NotFoundError, and whatever refuses a recording."""
        if self._path is None or not self.there:
            raise NotFoundError("There is no sample recording here. Upload one of your own.")
        upload = Upload(
            self._form(self._path, title), _BOUNDARY, max_bytes=self._max_bytes, check=self._check
        )
        return await self._submissions.of_form(caller, upload)

    async def _form(self, path: Path, title: str) -> AsyncIterator[bytes]:
        for name, value in (("title", title), ("language", _LANGUAGE)):
            head = (
                f'--{_BOUNDARY.decode()}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
            )
            yield head.encode()
        yield (
            f'--{_BOUNDARY.decode()}\r\nContent-Disposition: form-data; name="audio"; filename="{path.name}"\r\n\r\n'
        ).encode()
        yield await asyncio.to_thread(path.read_bytes)
        yield f"\r\n--{_BOUNDARY.decode()}--\r\n".encode()
