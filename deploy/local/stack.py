"""Postgres, Redis, the API and a worker as one: started in order, watched, stopped together."""

import os
import time
from typing import Any, Final

from deploy.local import leftovers
from deploy.local.console import Console
from deploy.local.folder import DataFolder, from_user
from deploy.local.keys import CONSOLE_KEY, PEPPER, key_of, make_key
from deploy.local.postgres import Postgres
from deploy.local.processes import OnLine, Program, stop_all, wait_until
from deploy.local.redis import Redis
from deploy.local.services import Options, Plan, is_loopback, plan, ready
from shared.errors import SetupError

_API_READY_S: Final = 60.0
_WATCH_S: Final = 0.2
_SERVICES_STOP_S: Final = 8.5  # with the servers' time, inside the 10 s that platforms grant
_SERVERS_STOP_S: Final = 1.4  # both survive a kill
_LAST_LINES: Final = 15


class ServiceEndedError(SetupError):
    """A part of the stack has ended by itself. The others were stopped; the data is kept."""

    code = "setup_service_ended"


class Stack:
    """The whole stack on one data folder; the caller holds the folder's lock."""

    def __init__(
        self,
        folder: DataFolder,
        options: Options,
        console: Console,
        *,
        show_logs: bool,
        with_services: bool = True,
    ) -> None:
        """Start nothing yet. Without services: Postgres and Redis alone."""
        self.folder = folder
        self.plan: Plan | None = None
        self.postgres: Postgres | None = None
        self.redis: Redis | None = None
        self.start_seconds = 0.0
        self._options = options
        self._console = console
        self._show_logs = show_logs
        self._with_services = with_services
        self._servers: list[Program] = []
        self._services: list[Program] = []
        self._before = folder.state()

    @property
    def programs(self) -> list[Program]:
        """What was started, in order."""
        return [*self._servers, *self._services]

    def start(self) -> Plan:
        """Start everything and return when it serves; raises SetupError, with the cause, where it does not."""
        began = time.monotonic()
        for name in leftovers.end(leftovers.of_state(self._before)):
            self._console.say(f"Ended a {name} that an earlier stack had left running.")
        user = from_user("DATABASE_URL", "REDIS_URL")
        database_url = user.get("DATABASE_URL") or self._start_postgres()
        redis_url = user.get("REDIS_URL") or self._start_redis()
        self._migrate(database_url, own=self.postgres is not None)
        ports = self._before.get("ports", {})
        self.plan = plan(
            self.folder,
            self._options,
            database_url=database_url,
            redis_url=redis_url,
            last_port=ports.get("api"),
        )
        self._make_key(self.plan)
        if self._with_services:
            self._install_models(self.plan)
            self._start_services(self.plan)
        self.folder.write_env(self._shell_values(self.plan))
        self.start_seconds = time.monotonic() - began
        return self.plan

    def watch(self) -> None:
        """Stay until a program ends by itself, then raise ServiceEndedError with its last lines."""
        while True:
            self.check()
            time.sleep(_WATCH_S)

    def check(self) -> None:
        """Raise ServiceEndedError where a program has ended."""
        for program in self.programs:
            if program.returncode is not None:
                raise ServiceEndedError(_obituary(program))

    def stop(self) -> None:
        """Stop what was started: first the services, then the servers that they use; within 10 s."""
        stop_all(self._services, _SERVICES_STOP_S)
        stop_all(self._servers, _SERVERS_STOP_S)
        self._write_state()

    def kill(self) -> None:
        """End everything now; nothing is lost by it but time."""
        for program in self.programs:
            program.kill()

    def _start_postgres(self) -> str:
        self.postgres = Postgres(
            self.folder.postgres,
            password=self.folder.password("postgres"),
            log=self.folder.logs / "postgres.log",
        )
        self._start_server(self.postgres, "postgres")
        return self.postgres.url()

    def _start_redis(self) -> str:
        self.redis = Redis(
            self.folder.redis, password=self.folder.password("redis"), log=self.folder.logs / "redis.log"
        )
        self._start_server(self.redis, "redis")
        return self.redis.url()

    def _start_server(self, server: Postgres | Redis, name: str) -> None:
        try:
            server.start(port=self._before.get("ports", {}).get(name), on_line=self._log_of(name))
        finally:  # whatever interrupts the start, what runs is known and will be stopped
            if server.program is not None:
                self._servers.append(server.program)
                self._write_state()

    def _migrate(self, database_url: str, *, own: bool) -> None:
        from deploy.local.schema import bring_up_to_date  # noqa: PLC0415  (loads SQLAlchemy)

        if bring_up_to_date(database_url, own=own):
            self._console.say("The database's schema was brought up to date.")

    def _make_key(self, plan: Plan) -> None:
        if pepper := plan.environment.get(PEPPER):
            make_key(self.folder, plan.environment["DATABASE_URL"], pepper)
            key = key_of(self.folder)
            if key is not None and is_loopback(plan.host) and CONSOLE_KEY not in os.environ:
                plan.environment[CONSOLE_KEY] = key  # whoever sits here is not asked for it

    def _install_models(self, plan: Plan) -> None:
        if "local" not in plan.engines:
            return
        from deploy.local.models import install  # noqa: PLC0415
        from worker_service.engines.local.weights import BASE, VOICES  # noqa: PLC0415

        # Whether they are whole is the worker's to check; here it is only whether to fetch them.
        if not all(weights.at(plan.models_dir).is_dir() for weights in (BASE, VOICES)):
            self._console.say(f"Installing the speech models into {plan.models_dir}, once: some 150 MB ...")
            install(plan.models_dir)

    def _start_services(self, plan: Plan) -> None:
        for name, command in plan.commands.items():
            self._services.append(
                Program(
                    name,
                    command,
                    log=self.folder.logs / f"{name}.log",
                    env=plan.environment,
                    on_line=self._log_of(name),
                )
            )
            self._write_state()
        api = self._services[0]
        if not wait_until(lambda: self._api_answers(plan), api, _API_READY_S):
            raise ServiceEndedError(_obituary(api))

    def _api_answers(self, plan: Plan) -> bool:
        self.check()
        return ready(plan.api_url)

    def _log_of(self, name: str) -> OnLine | None:
        return self._console.log_of(name) if self._show_logs else None

    def _write_state(self) -> None:
        """What the next start, `status` and `stop` need to know; no secret is in it."""
        ports: dict[str, int] = dict(self._before.get("ports", {}))
        if self.postgres is not None and self.postgres.port:
            ports["postgres"] = self.postgres.port
        if self.redis is not None and self.redis.port:
            ports["redis"] = self.redis.port
        if self.plan is not None:
            ports["api"] = self.plan.port
        state: dict[str, Any] = {
            "supervisor": os.getpid(),
            "with_services": self._with_services,
            "api": self.plan.api_url if self.plan and self._with_services else None,
            "ports": ports,
            "programs": [leftovers.trace(p.name, p.pid) for p in self.programs if p.returncode is None],
        }
        self.folder.write_state(state)

    def _shell_values(self, plan: Plan) -> dict[str, str]:
        wanted = ("DATABASE_URL", "REDIS_URL", "TRANSCRIPTS_STORAGE_URL", "TRANSCRIPTS_MODELS_DIR")
        values = {name: plan.environment[name] for name in wanted}
        if self._with_services:
            values["TRANSCRIPTS_URL"] = plan.api_url
        if PEPPER in plan.environment:
            values[PEPPER] = plan.environment[PEPPER]
            values["TRANSCRIPTS_API_KEY"] = key_of(self.folder) or ""
        if self.postgres is not None:
            values |= self.postgres.shell_values()
        if self.redis is not None:
            values |= self.redis.shell_values()
        return values


def _obituary(program: Program) -> str:
    code = program.returncode
    how = "does not get ready" if code is None else f"has ended with exit code {code}"
    lines = "\n".join(f"  {line}" for line in program.last_lines(_LAST_LINES)) or "  (it wrote nothing)"
    return f"{program.name} {how}. The end of {program.log}:\n{lines}"
