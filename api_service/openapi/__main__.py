"""`python -m api_service.openapi`: the OpenAPI document, as docs/openapi.json keeps it."""

import json
import sys
from typing import Any

from api_service.main import assemble


def document() -> dict[str, Any]:
    """The OpenAPI 3.1 document of the API; opens nothing and needs no settings."""
    return assemble().openapi()


def text() -> str:
    """The document as it is committed."""
    return json.dumps(document(), indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    sys.stdout.write(text())
