"""A child for the tests of children: it does what it is told."""

import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from shared import errors
from worker_service.serving import Emit, Limits, apply_limits, serve


def handle(request: dict[str, Any], emit: Emit) -> dict[str, Any]:  # noqa: C901 - a list of orders
    """Follow the orders in `request`, in this order."""
    if limits := request.get("limits"):
        apply_limits(Limits(**limits))
    for number in range(request.get("count", 0)):
        emit({"number": number})
    if request.get("start_another"):
        # Not one of ours: it neither dies with its parent nor reads stdin.
        other = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
        emit({"pid": other.pid})
    if text := request.get("print"):
        print(text, flush=True)
        os.write(1, text.encode() + b"\n")
    if text := request.get("complain"):
        print(text, file=sys.stderr, flush=True)
    if request.get("fail"):
        raise getattr(errors, request["fail"])(request.get("detail"))
    if request.get("bug"):
        raise ZeroDivisionError("a bug")
    if (code := request.get("exit")) is not None:
        os._exit(code)
    if request.get("half"):
        os.write(3, b'{"result": {"half')  # the answers' descriptor: the first that serve() opens
        os._exit(0)
    if request.get("spin"):
        while True:
            pass
    if request.get("wait"):
        emit({"pid": os.getpid()})
        time.sleep(600)
    if size := request.get("allocate"):
        try:
            bytearray(size)
        except MemoryError:
            return {"refused": "memory"}
    if size := request.get("write"):
        try:
            Path(request["path"]).write_bytes(bytes(size))
        except OSError as error:
            return {"refused": error.strerror}
    if count := request.get("open"):
        try:
            files = [Path(os.devnull).open("rb") for _ in range(count)]  # noqa: SIM115
        except OSError as error:
            return {"refused": error.strerror}
        for file in files:
            file.close()
    return {"pid": os.getpid(), "environment": dict(os.environ), "echo": request.get("echo")}


if __name__ == "__main__":
    serve(handle)
