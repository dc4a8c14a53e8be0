"""A child for the tests of the pool: it answers with its pid, waits, or dies, as it is told."""

import os
import time
from typing import Any

from worker_service.serving import Emit, serve


def handle(request: dict[str, Any], emit: Emit) -> dict[str, Any]:
    if request.get("die"):
        os._exit(3)
    emit({"pid": os.getpid()})
    if request.get("wait"):
        time.sleep(60)
    return {"pid": os.getpid(), "told": os.environ.get("TOLD")}


if __name__ == "__main__":
    serve(handle)
