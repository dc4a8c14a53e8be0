"""The cookie of those who have signed in: it names their key, sealed, so that only this service reads and makes it.

The key itself is not in it. It is looked up at every request, so that one that is revoked ends the sign-in at once.
"""

import json
import time
from typing import Final
from uuid import UUID

from starlette.requests import Request
from starlette.responses import Response

from api_service.console.visits import set_cookie
from shared.pepper import Pepper, SealedError

KEPT_S: Final = 12 * 3600
_COOKIE: Final = "console_key"


class SignIns:
    """Writes and reads the cookie."""

    def __init__(self, pepper: Pepper) -> None:
        self._pepper = pepper

    def write(self, request: Request, response: Response, key_id: UUID) -> None:
        """Sign in with a key, for twelve hours."""
        said = json.dumps({"key": str(key_id), "until": int(time.time()) + KEPT_S})
        set_cookie(request, response, _COOKIE, self._pepper.seal(said.encode()).decode(), max_age_s=KEPT_S)

    def read(self, request: Request) -> UUID | None:
        """The key that signed in; None where nobody has, or it is too long ago."""
        cookie = request.cookies.get(_COOKIE)
        if not cookie:
            return None
        try:
            said = json.loads(self._pepper.open(cookie.encode()))
            return UUID(said["key"]) if said["until"] > time.time() else None
        except (
            SealedError,
            LookupError,
        ):  # an older pepper, somebody's invention, or something else that was sealed
            return None


def sign_out(response: Response) -> None:
    """Forget who signed in."""
    response.delete_cookie(_COOKIE, path="/", httponly=True, samesite="strict")
