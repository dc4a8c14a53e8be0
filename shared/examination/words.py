"""What the checks say, in English: by code, the part, what was found there, and what mends it.

Codes and the names in braces are stable: the console has the same in other languages.
"""

from typing import Final, NamedTuple


class Words(NamedTuple):
    """The words of one finding, with places for its values."""

    subject: str
    detail: str
    fix: str = ""


_START_POSTGRES: Final = (
    "Start it (`make up`, `make servers`, or `docker compose up -d roles`), or correct DATABASE_URL."
)
_START_REDIS: Final = (
    "Start it (`make up`, `make servers`, or `docker compose up -d redis`), or correct REDIS_URL."
)
_CLOSED_POSTGRES: Final = (
    "End DATABASE_URL with ?sslmode=verify-full (and &sslrootcert=/path/ca.pem where the provider has an authority of "
    "its own), or reach it over a private network: docs/security.md"
)
_CLOSED_REDIS: Final = (
    "Begin REDIS_URL with rediss:// (and end it with ?ssl_ca_certs=/path/ca.pem where the provider has an authority of "
    "its own), or reach it over a private network: docs/security.md"
)
_NO_EVICTION: Final = (
    "redis-cli CONFIG SET maxmemory-policy noeviction, and the same in its configuration or console"
)
_OWN_STORE: Final = (
    "Give each database a store, or a prefix, of its own; delete the object under owners/ of one that is gone: "
    "docs/storage.md"
)
_OF_OBJECTS: Final = "{many} of {seen} objects ({size} MB) have no row"

WORDS: Final = {
    "postgres_answers": Words("Postgres", "{version} at {where} answers in {ms} ms"),
    "postgres_old": Words("Postgres", "{version} is too old.", "Use Postgres 14 or newer."),
    "postgres_slow": Words(
        "Postgres", "A round trip takes {ms} ms.", "Run services and database close together."
    ),
    "postgres_connections": Words(
        "Postgres",
        "It takes {connections} connections; two processes may use {used}.",
        "Raise max_connections, or lower TRANSCRIPTS_DATABASE_POOL.",
    ),
    "postgres_password": Words("Postgres", "{where} refuses the password.", "Correct it in DATABASE_URL."),
    "postgres_no_database": Words(
        "Postgres", "{where} has no such database.", "Create it, or name another in DATABASE_URL."
    ),
    "postgres_unreachable": Words("Postgres", "{where} cannot be reached ({reason}).", _START_POSTGRES),
    "postgres_tls": Words("Postgres", "{where} cannot be reached ({reason}).", "{advice}"),
    "postgres_unchecked": Words(
        "Postgres",
        "{host} is a public host and sslmode=require looks at no certificate: whoever sits on the line can be it, and "
        "learns the password.",
        _CLOSED_POSTGRES,
    ),
    "postgres_in_the_clear": Words(
        "Postgres",
        "{host} is a public host and sslmode={mode} insists on no encryption: passwords and transcripts can be read on "
        "the way.",
        _CLOSED_POSTGRES,
    ),
    "schema_fits": Words("schema", "is the one that this version needs, or a later one"),
    "schema_old": Words("schema", "{reason}", "make migrate"),
    "redis_answers": Words("Redis", "{version} at {where} answers in {ms} ms"),
    "redis_password": Words(
        "Redis",
        "{where} refuses the password ({reason}).",
        "Put it into REDIS_URL: redis://:PASSWORD@HOST:PORT/0",
    ),
    "redis_unreachable": Words("Redis", "{where} cannot be reached ({reason}).", _START_REDIS),
    "redis_tls": Words("Redis", "{where} cannot be reached ({reason}).", "{advice}"),
    "redis_unchecked": Words(
        "Redis",
        "{host} is a public host, and its certificate is not looked at: whoever sits on the line can be it, and learns "
        "the password.",
        "Take ssl_cert_reqs and ssl_check_hostname out of REDIS_URL: docs/security.md",
    ),
    "redis_in_the_clear": Words(
        "Redis",
        "{host} is a public host, and redis:// sends the password and the queue in the clear.",
        _CLOSED_REDIS,
    ),
    "redis_keeps_nothing": Words(
        "Redis", "It keeps nothing over a restart; then the sweep queues all jobs again."
    ),
    "redis_keeps_keys": Words("eviction", "noeviction"),
    "redis_evicts": Words(
        "eviction",
        "maxmemory-policy is {policy}: Redis may throw the queue's keys away, and no service starts on it.",
        _NO_EVICTION,
    ),
    "clocks_differ": Words(
        "clock", "{part}'s clock and this machine's differ by {seconds} s.", "Run an NTP client on both."
    ),
    "storage_works": Words("storage", "{where} takes, gives back and deletes an object"),
    "storage_unusable": Words(
        "storage",
        "{where} cannot be used ({reason}).",
        "Correct TRANSCRIPTS_STORAGE_URL, or the rights on it; API and workers need the same one.",
    ),
    "storage_alters": Words(
        "storage", "{where} gives back other bytes than were written.", "Use another store."
    ),
    "orphans_unread": Words("orphans", "The store has more objects than can be looked at in {seconds} s."),
    "orphans_refused": Words(
        "orphans", "The store cannot be listed ({reason}).", "Correct the rights on it."
    ),
    "orphans_none": Words("orphans", "all of {seen} objects have a row, or are younger than {grace}"),
    "orphans_kept": Words("orphans", f"{_OF_OBJECTS}. They are kept: {{reason}}.", _OWN_STORE),
    "orphans_go": Words("orphans", f"{_OF_OBJECTS}. The workers delete them, a few times a day."),
    "workers_alive": Words("workers", "{alive} alive, {running} of {places} places taken"),
    "workers_none": Words(
        "workers",
        "No worker was seen in the last 15 s: jobs are taken, and wait.",
        "make run-worker, or make up",
    ),
    "workers_lost": Words(
        "workers", "{lost} ended without a goodbye in the last day: {names}. Their jobs run elsewhere."
    ),
    "workers_differ": Words("workers", "Several versions run: {versions}.", "Fine during a deployment."),
    "engine_unserved": Words(
        "engines",
        "{jobs} jobs want the engine '{engine}', which no worker runs.",
        "Start a worker with TRANSCRIPTS_ENGINES={engine}",
    ),
    "queue_paused": Words("queue", "Paused since {since} UTC: {why}.", "POST /v1/ops/queue/resume"),
    "queue_paused_silently": Words(
        "queue", "Paused since {since} UTC: no reason given.", "POST /v1/ops/queue/resume"
    ),
    "queue_moves": Words("queue", "{running} running, {due} due, {deferred} waiting for a retry"),
    "queue_waits": Words(
        "queue",
        "{running} running, {due} due, {deferred} waiting for a retry; the oldest waits for {minutes} min.",
        "Add workers, or raise --max-jobs.",
    ),
    "jobs_fail": Words(
        "jobs",
        "In the last hour {failed} failed and {succeeded} succeeded.",
        "GET /v1/ops/jobs?status=failed tells why",
    ),
    "part_broken": Words("{part}", "{reason}", "See the log of the API."),
    "part_away": Words("{part}", "It does not answer ({reason}).", "Start it; the log of the API says more."),
}
