"""The users of Redis may call what our scripts call: read from the scripts themselves."""

import re
from importlib.resources import files

import pytest

from shared.queue import scripts
from tests.fixtures.least_rights import USERS
from worker_service.engines.google import budget
from worker_service.queue import lease_scripts

SHARED = [value for value in vars(scripts).values() if isinstance(value, str)]
LEASES = [value for value in vars(lease_scripts).values() if isinstance(value, str)]
LIMITS = [
    (files("limits") / "resources/redis/lua_scripts" / f"{name}.lua").read_text()
    for name in ("sliding_window", "acquire_sliding_window")
]


def called(sources: list[str]) -> set[str]:
    return {name.lower() for text in sources for name in re.findall(r"\bcall\(['\"](\w+)['\"]", text)}


def allowed(user: str) -> set[str]:
    line = next(
        each for each in USERS.read_text().splitlines() if each.startswith(f"user transcripts-{user} ")
    )
    return {word[1:] for word in line.split() if word.startswith("+")}


@pytest.mark.parametrize(
    ("user", "sources"), [("api", [*SHARED, *LIMITS]), ("worker", [*SHARED, *LEASES, budget._TAKE])]
)
def test_what_scripts_call_is_allowed(user: str, sources: list[str]) -> None:
    commands = called(sources)
    assert len(commands) > 10
    assert commands <= allowed(user), f"deploy/redis/users.acl: add these to transcripts-{user}"


def test_nobody_but_the_administrator_may_do_what_is_dangerous() -> None:
    dangerous = {
        "flushall",
        "flushdb",
        "keys",
        "config",
        "shutdown",
        "debug",
        "acl",
        "monitor",
        "replicaof",
        "migrate",
    }
    for user in ("api", "worker"):
        assert not dangerous & allowed(user)
        assert not any(each.startswith("@") for each in allowed(user))
