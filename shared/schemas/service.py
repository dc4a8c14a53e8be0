"""What the service says of itself: that it is alive, and whether it can do its work."""

from typing import Literal

from shared.schemas.base import Resource


class Alive(Resource):
    """The process answers."""

    status: Literal["alive"] = "alive"


class Check(Resource):
    """One thing that was looked at, and what was found."""

    ok: bool
    detail: str


class Readiness(Resource):
    """Whether the service can do its work, and what it looked at to know."""

    status: Literal["ready", "unready"]
    checks: dict[str, Check]
