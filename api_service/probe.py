"""`python -m api_service.probe`: whether the API of this container is ready, for images that have no HTTP client."""

import http.client
import os
import sys
from typing import Final

_PATIENCE_S: Final = 5.0


def main() -> int:
    """Ask `/readyz` on this host; 0 when it is ready, else 1 with what it said."""
    connection = http.client.HTTPConnection(
        "127.0.0.1", int(os.environ.get("PORT", "8000")), timeout=_PATIENCE_S
    )
    try:
        connection.request("GET", "/readyz")
        answer = connection.getresponse()
        said = answer.read().decode(errors="replace")
    except (OSError, http.client.HTTPException) as error:
        print(f"The API does not answer: {error!r}")  # noqa: T201
        return 1
    finally:
        connection.close()
    print(said)  # noqa: T201
    return 0 if answer.status == http.client.OK else 1


if __name__ == "__main__":
    sys.exit(main())
