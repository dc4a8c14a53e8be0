"""What a request needs to be let in: nothing, or a key with one scope. What is not named here needs a key."""

from typing import Final

from shared.scopes import Scope

_DOCUMENTATION: Final = ("/docs", "/docs/start.js", "/docs/swagger-ui.css", "/docs/swagger-ui-bundle.js")
_CONSOLE: Final = (
    "/",
    "/console",
    "/console/sign-in",
    "/console/sign-out",
    "/console/language",
    "/console/theme",
)
PUBLIC: Final = frozenset({"/healthz", "/readyz", "/openapi.json", *_DOCUMENTATION, *_CONSOLE})
"""Paths that anyone may ask: they tell nothing of sessions, tenants or keys."""

_PUBLIC_FILES: Final = "/console/static/"

_BY_PREFIX: Final = (
    ("/v1/keys", Scope.KEYS),
    ("/v1/ops", Scope.OPS),
    ("/metrics", Scope.OPS),
    ("/console/operate", Scope.OPS),
    ("/console/upload", Scope.SESSIONS_WRITE),
)


def needed_scope(method: str, path: str) -> Scope | None:
    """The scope that a request needs; None where it is public.

    Decided by the path and the method alone, so that a route that is new is closed before anyone thinks of it.
    """
    if path in PUBLIC or path.startswith(_PUBLIC_FILES):
        return None
    for prefix, scope in _BY_PREFIX:
        if path == prefix or path.startswith(f"{prefix}/"):
            return scope
    return Scope.SESSIONS_READ if method in {"GET", "HEAD"} else Scope.SESSIONS_WRITE
