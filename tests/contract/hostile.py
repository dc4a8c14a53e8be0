"""What no schema draws on its own: text that Postgres cannot keep, numbers without end, bodies of another kind."""

import random
from typing import Any, Final

from schemathesis import Case
from schemathesis.core import NOT_SET

TEXTS: Final = (
    "\x00", "a\x00b", "\ud800", "\udfff tail", "\u202e", "\x1b[31m", "'; --", "%00", "%", "\\", "é" * 300, " ",
    "", "NaN", "-1", "1e400", "9" * 400, "0000-00-00T00:00:00Z", "9999-12-31T23:59:59-23:59",
    "0001-01-01T00:00:00+23:59", "P999999999D", "-P1D", "٣", "x" * 70_000,
)  # fmt: skip
NUMBERS: Final = (-1, 0, 2**31 - 1, 2**31, 2**63, -(2**63) - 1, 10**30, 10**400, 1e308, 0.1, True, None)
KINDS: Final = (
    "text/plain",
    "application/xml",
    "application/json; charset=utf-16",
    "nonsense",
    "",
    "a/b;q=\x80",
)


def spoil(case: Case[Any], chance: random.Random) -> None:
    """Change about half of the cases in one place, such that the request can still be sent."""
    match chance.randrange(8):
        case 0 | 1:
            if isinstance(case.body, dict | list) and case.media_type == "application/json":
                case.body = _spoiled(case.body, chance)
        case 2:
            _one_of(case.query, chance)
        case 3:
            if case.body is not NOT_SET and case.headers is not None:
                case.headers["Content-Type"] = chance.choice(KINDS[:-1])
        case 4:
            if case.path_parameters:
                name = chance.choice(sorted(case.path_parameters))
                case.path_parameters[name] = chance.choice(("\x00", "é", "9" * 30, "-1", "0" * 36, "1e3"))
        case _:
            pass


def _one_of(values: Any, chance: random.Random) -> None:
    if values:
        sendable = [text for text in TEXTS if text.isascii() and len(text) < 4_000] + ["é" * 300, "٣"]
        values[chance.choice(sorted(values))] = chance.choice([*sendable, *map(str, NUMBERS)])


def _spoiled(value: Any, chance: random.Random) -> Any:
    """The value with one leaf replaced."""
    if isinstance(value, dict) and value:
        name = chance.choice(sorted(value))
        return {**value, name: _spoiled(value[name], chance)}
    if isinstance(value, list) and value:
        at = chance.randrange(len(value))
        return [*value[:at], _spoiled(value[at], chance), *value[at + 1 :]]
    kinds = {str: TEXTS, int: NUMBERS, float: NUMBERS}
    return chance.choice(kinds.get(type(value), (*TEXTS, *NUMBERS, {}, [], _deep())))


def _deep() -> Any:
    value: Any = []
    for _ in range(400):
        value = [value]
    return value
