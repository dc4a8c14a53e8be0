"""Answers health checks while the worker's event loop stands still and cannot answer for itself."""

import contextlib
import select
import socket
import threading
from collections.abc import Callable
from typing import Final

from shared.observation.logs import get_logger

log = get_logger(__name__)

STALLED_S: Final = 10.0
"""A loop that has not come round for that long has lost its leases, so its jobs run elsewhere already."""

_LOOK_S: Final = 1.0
_PATIENCE_S: Final = 1.0
_DETAIL: Final = b'{"status": "unavailable", "detail": "the event loop stands still"}'
_ANSWER: Final = (
    b"HTTP/1.1 503 Service Unavailable\r\nContent-Type: application/json\r\n"
    b"Content-Length: %d\r\nConnection: close\r\n\r\n%s" % (len(_DETAIL), _DETAIL)
)


class StallAnswers:
    """A thread that takes connections off the loop's socket for as long as the loop takes none, and answers 503.

    It sleeps while the loop comes round. Code that holds the interpreter's lock stops the thread too: then nobody
    answers, and the check fails by its timeout.
    """

    def __init__(self, listening: socket.socket, stalled_s: Callable[[], float]) -> None:
        """`listening` does not block and stays open until `stop`; `stalled_s`: since when the loop stands still."""
        self._listening = listening
        self._stalled_s = stalled_s
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="stall-answers", daemon=True)

    def start(self) -> None:
        """Begin to watch the loop."""
        self._thread.start()

    def stop(self) -> None:
        """End the thread; returns when it does not use the socket any more."""
        self._stopped.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stopped.wait(_LOOK_S):
            if self._is_stalled():
                log.error(
                    "the event loop stands still; health checks are told so", seconds=round(self._stalled_s())
                )
            while self._is_stalled() and not self._stopped.is_set():
                readable, _, _ = select.select([self._listening], [], [], _LOOK_S)
                if readable and self._is_stalled():
                    self._answer_one()

    def _is_stalled(self) -> bool:
        return self._stalled_s() >= STALLED_S

    def _answer_one(self) -> None:
        with contextlib.suppress(OSError):  # the loop was quicker, or the client has gone
            connection, _ = self._listening.accept()
            with connection:
                connection.settimeout(_PATIENCE_S)
                connection.recv(4_096)  # closed unread, it would reset the connection under the answer
                connection.sendall(_ANSWER)
