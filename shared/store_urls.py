"""The URLs of Postgres and Redis: one form for each, TLS as they ask for it, misspelt names refused.

A name that nothing reads would mean a connection without the check that somebody asked for.
"""

import difflib
import os
import ssl
from collections.abc import Iterable
from pathlib import Path
from typing import Final
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

_MODES: Final = ("disable", "allow", "prefer", "require", "verify-ca", "verify-full")
_VERIFIED: Final = frozenset({"verify-ca", "verify-full"})
_DATABASE_FILES: Final = ("sslrootcert", "sslcert", "sslkey", "sslcrl")
_DATABASE_TLS: Final = (
    "sslmode", *_DATABASE_FILES, "sslpassword", "sslnegotiation",
    "ssl_min_protocol_version", "ssl_max_protocol_version",
)  # fmt: skip
_LIBPQ_S_OWN: Final = frozenset({"channel_binding", "connect_timeout", "gssencmode"})
"""Names that managed services put into their URLs, and that mean nothing to asyncpg."""

_REDIS_FILES: Final = ("ssl_ca_certs", "ssl_certfile", "ssl_keyfile")
_REDIS_TLS: Final = ("ssl_check_hostname", "ssl_cert_reqs", "ssl_ciphers", *_REDIS_FILES)
_REDIS: Final = (
    "db", "username", "password", "client_name", "protocol", "max_connections", "timeout", "socket_timeout",
    "socket_connect_timeout", "socket_keepalive", "retry_on_timeout", "health_check_interval", *_REDIS_TLS,
)  # fmt: skip
_REDIS_VALUES: Final = {
    "ssl_check_hostname": ("true", "false"),
    "ssl_cert_reqs": ("required", "optional", "none"),
}

_SYSTEM: Final = "system"  # as in libpq 16: the authorities that this machine trusts
_BUNDLES: Final = (
    "/etc/ssl/certs/ca-certificates.crt",  # Debian, Alpine
    "/etc/pki/tls/certs/ca-bundle.crt",  # Fedora
    "/etc/ssl/cert.pem",  # macOS
)
_ALIKE: Final = 0.75


def normalise_database_url(url: str) -> str:
    """A Postgres URL as asyncpg takes it: managed services' `postgres://` and SQLAlchemy's dialects too.

    `sslrootcert=system`, and `verify-full` without any file, mean the authorities that this machine trusts.
    ValueError, which shows no value of the URL but a file's name, where TLS is asked for in words that mean nothing.
    """
    parts = urlsplit(url)
    scheme = parts.scheme.partition("+")[0]
    if scheme not in {"postgres", "postgresql"}:
        raise ValueError("must start with postgresql://")
    query = {
        name: value
        for name, value in parse_qsl(parts.query, keep_blank_values=True)
        if name not in _LIBPQ_S_OWN
    }
    for name in query:
        if name not in _DATABASE_TLS and (name.startswith("ssl") or _near(name, _DATABASE_TLS)):
            raise ValueError(_unknown(name, _DATABASE_TLS))
    mode = query.get("sslmode", os.environ.get("PGSSLMODE", "prefer"))
    if mode not in _MODES:
        raise ValueError(f"sslmode must be one of {', '.join(_MODES)}{_did_you_mean(mode, _MODES)}")
    _trust_the_system(query, mode)
    _refuse_missing_files(query, _DATABASE_FILES)
    return urlunsplit(("postgresql", parts.netloc, parts.path, urlencode(query), ""))


def checked_redis_url(url: str) -> str:
    """The URL, after a look at the names behind its `?`; ValueError, as above."""
    parts = urlsplit(url)
    if parts.scheme not in {"redis", "rediss", "unix"}:
        raise ValueError("must start with redis://, rediss:// (TLS) or unix://")
    query = dict(parse_qsl(parts.query, keep_blank_values=True))
    for name, value in query.items():
        if name not in _REDIS:
            raise ValueError(_unknown(name, _REDIS))
        if name in _REDIS_TLS and parts.scheme != "rediss":
            raise ValueError(f"{name} is of TLS: the URL must start with rediss:// for it")
        if (choices := _REDIS_VALUES.get(name)) and value.lower() not in choices:
            raise ValueError(f"{name} must be one of {', '.join(choices)}{_did_you_mean(value, choices)}")
    _refuse_missing_files(query, _REDIS_FILES)
    return url


def system_authorities() -> str:
    """The file of the authorities that this machine trusts; ValueError where there is none."""
    for path in (ssl.get_default_verify_paths().cafile, *_BUNDLES):
        if path and Path(path).is_file():
            return path
    raise ValueError("this machine has no file of trusted authorities: add sslrootcert=/path/to/ca.pem")


def _trust_the_system(query: dict[str, str], mode: str) -> None:
    given = query.get("sslrootcert") or os.environ.get("PGSSLROOTCERT")
    own = Path.home() / ".postgresql/root.crt" if os.environ.get("HOME") else None
    if given == _SYSTEM and mode != "verify-full":
        raise ValueError(
            "sslrootcert=system needs sslmode=verify-full: else any certificate that is bought gets in"
        )
    if given == _SYSTEM or (mode == "verify-full" and not given and not (own and own.is_file())):
        query["sslrootcert"] = system_authorities()
    elif mode == "verify-ca" and not given and not (own and own.is_file()):
        raise ValueError("sslmode=verify-ca needs the authority's file: add sslrootcert=/path/to/ca.pem")


def _refuse_missing_files(query: dict[str, str], names: Iterable[str]) -> None:
    for name in names:
        if (path := query.get(name)) is not None and not os.access(path, os.R_OK):
            raise ValueError(f"{name} names a file that is not there, or may not be read: {path}")


def _unknown(name: str, known: tuple[str, ...]) -> str:
    return f"{name!r} behind the ? is nothing that is read{_did_you_mean(name, known)}"


def _near(name: str, known: tuple[str, ...]) -> list[str]:
    return difflib.get_close_matches(name, known, n=1, cutoff=_ALIKE)


def _did_you_mean(name: str, known: tuple[str, ...]) -> str:
    near = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    return f". Did you mean {near[0]}?" if near else ""
