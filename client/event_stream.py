"""Server-sent events as bytes come in (HTML Living Standard, 9.2.6)."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

_LINE: Final = re.compile(rb"\r\n|\n|\r(?!$)")  # a CR at the end may be half of a CRLF: wait for more


@dataclass(frozen=True, slots=True)
class Event:
    """One event; `id` is the last one given, by this event or an earlier one."""

    name: str
    data: str
    id: str


@dataclass(slots=True)
class EventParser:
    """Takes a stream in any pieces and gives its events; `retry_s` is how long to wait before connecting again."""

    retry_s: float | None = None
    _id: str = ""
    _rest: bytes = b""
    _name: str = ""
    _data: list[str] = field(default_factory=list)

    def feed(self, chunk: bytes) -> Iterator[Event]:
        """The events that this piece completes."""
        *lines, self._rest = _LINE.split(self._rest + chunk)
        for line in lines:
            if not line:
                yield from self._dispatch()
            else:
                self._take(line.decode(errors="replace"))

    def _take(self, line: str) -> None:
        name, _, value = line.partition(":")
        value = value.removeprefix(" ")
        match name:
            case "event":
                self._name = value
            case "data":
                self._data.append(value)
            case "id" if "\0" not in value:
                self._id = value
            case "retry" if value.isdecimal():
                self.retry_s = int(value) / 1_000

    def _dispatch(self) -> Iterator[Event]:
        if self._data:
            yield Event(self._name or "message", "\n".join(self._data), self._id)
        self._name, self._data = "", []
