"""A real Postgres in a folder: made on the first start, on a free port of 127.0.0.1, with a password."""

import asyncio
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Final

import asyncpg

from deploy.local import postgres_binaries
from deploy.local.leftovers import command_line
from deploy.local.postgres_binaries import Binaries
from deploy.local.processes import (
    Account,
    OnLine,
    Program,
    account_for_servers,
    bound_command,
    free_port,
    wait_until,
)
from shared.errors import SetupError

USER: Final = "transcripts"
DATABASE: Final = "transcripts"
_READY_S: Final = 60.0  # after a crash, the log is replayed before the server is ready
_TRIES: Final = 20
_CHILDREN_S: Final = 0.25
_DURABLE: Final = (
    ("recovery_init_sync_method=syncfs",) if sys.platform == "linux" else ()
)  # seconds after a crash
_FAST_AND_LOOSE: Final = ("fsync=off", "full_page_writes=off", "synchronous_commit=off")


class Postgres:
    """A server whose files lie in `folder`; with `durable=False` a crash of the machine may lose data."""

    def __init__(
        self,
        folder: Path,
        *,
        password: str,
        log: Path,
        binaries: Binaries | None = None,
        durable: bool = True,
    ) -> None:
        self.folder = folder.absolute()
        self.port = 0
        self.program: Program | None = None
        self.version = 0  # the major one, known once it has started
        self.psql: Path | None = None  # the shell that came with it, if one did
        self._data = self.folder / "data"
        self._password = password
        self._log = log
        self._binaries = binaries
        self._durable = durable

    @property
    def mark(self) -> str:
        """Stands in the server's command line, and in no other's."""
        return f"transcripts-{self.folder.stat().st_ino}"

    def url(self, database: str = DATABASE) -> str:
        """The database's URL, password included: not for logs."""
        return f"postgresql://{USER}:{self._password}@127.0.0.1:{self.port}/{database}"

    def shell_values(self) -> dict[str, str]:
        """The environment with which `psql` needs no arguments, so that no password shows in a process list."""
        return {
            "PGHOST": "127.0.0.1",
            "PGPORT": str(self.port),
            "PGUSER": USER,
            "PGDATABASE": DATABASE,
            "PGPASSWORD": self._password,
        }

    def start(
        self, *, port: int | None = None, on_line: OnLine | None = None, database: str = DATABASE
    ) -> None:
        """Start the server and make its files and `database` where missing; returns when it takes connections.

        Raises SetupError with the last lines of its log where it does not start.
        """
        account = account_for_servers()
        self._prepare_folder(account)
        binaries = self._binaries or postgres_binaries.find(self._major_on_disk())
        if account is not None:
            binaries = postgres_binaries.reachable_by_others(binaries)
        self.version = binaries.major
        self.psql = psql if (psql := binaries.folder / "psql").exists() else None
        if not self._data.exists():
            self._initdb(binaries, account)
        for _ in range(_TRIES):
            self.port = free_port(port)
            program = self.program = self._launch(binaries, account, on_line)
            if wait_until(self._ready, program, _READY_S):
                asyncio.run(self._create_database(database))
                return
            program.stop()
            said = "\n".join(program.last_lines())
            if "still in use" in said:  # the children of one that was killed take a moment to notice
                time.sleep(_CHILDREN_S)
            elif "could not bind" in said:  # another program was faster
                port = None
            else:
                break
        end = "\n".join(program.last_lines(8))
        raise SetupError(f"Postgres did not start. Its data is kept. The end of {self._log}:\n{end}")

    def stop(self, timeout_s: float = 10.0) -> None:
        """Stop the server, ending its connections; returns when it is gone."""
        if self.program is not None:
            self.program.stop(timeout_s)

    def _prepare_folder(self, account: Account | None) -> None:
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        if account is not None:
            os.chown(self.folder, account.uid, account.gid)
        elif not os.access(self.folder, os.R_OK | os.W_OK | os.X_OK):
            raise SetupError(
                f"{self.folder} belongs to another user: the stack was started as root before. Nothing was changed. "
                "Start it as root again, or name another folder with --data."
            )

    def _major_on_disk(self) -> int | None:
        try:
            return int((self._data / "PG_VERSION").read_text())
        except FileNotFoundError:
            return None

    def _initdb(self, binaries: Binaries, account: Account | None) -> None:
        """Make the files beside their place and move them there whole: a start that is killed leaves no half."""
        fresh, password = self.folder / "data.new", self.folder / "password.new"
        shutil.rmtree(fresh, ignore_errors=True)
        password.unlink(missing_ok=True)
        password.touch(mode=0o600)
        password.write_text(self._password)
        if account is not None:
            os.chown(password, account.uid, account.gid)
        command: list[str | Path] = [
            binaries.folder / "initdb", "-D", "{folder}/data.new", "-U", USER, "-A", "scram-sha-256",
            "--pwfile={folder}/password.new", "-E", "UTF8", *_locale(binaries),
            "--no-sync",  # seconds saved; a power cut in the next half minute costs a database that is empty yet
        ]  # fmt: skip
        try:
            subprocess.run(
                bound_command(command, death_signal=signal.SIGKILL, account=account, folder=self.folder),
                check=True,
                capture_output=True,
                text=True,
                env=_environment(),
            )
        except subprocess.CalledProcessError as error:
            raise SetupError(f"Postgres could not make its files in {self.folder}:\n{error.stderr}") from None
        finally:
            password.unlink()
        fresh.rename(self._data)

    def _launch(self, binaries: Binaries, account: Account | None, on_line: OnLine | None) -> Program:
        options = ["listen_addresses=127.0.0.1", "unix_socket_directories=", f"cluster_name={self.mark}"]
        options += _DURABLE if self._durable else _FAST_AND_LOOSE
        flags = [word for option in options for word in ("-c", option)]
        self._drop_stale_pid_file()
        return Program(
            "postgres",
            [binaries.folder / "postgres", "-D", "{folder}/data", "-p", str(self.port), *flags],
            log=self._log,
            env=_environment(),
            stop_signal=signal.SIGINT,  # "fast": connections are ended, files are left clean
            death_signal=signal.SIGINT,
            account=account,
            folder=self.folder,
            on_line=on_line,
        )

    def _drop_stale_pid_file(self) -> None:
        """Remove what a killed server left: Postgres would take any program with that pid for a server."""
        path = self._data / "postmaster.pid"
        try:
            pid = int(path.read_text().split()[0])
        except (FileNotFoundError, IndexError, ValueError):
            return
        if self.mark in command_line(pid):
            raise SetupError(
                f"A Postgres already runs on {self._data} (process {pid}). Nothing was started. Stop it first: "
                f"kill -INT {pid}"
            )
        path.unlink()

    def _ready(self) -> bool:
        """Whether the server says so in its pid file, which is where `pg_ctl` looks too."""
        try:
            lines = (self._data / "postmaster.pid").read_text().splitlines()
        except FileNotFoundError:
            return False
        return len(lines) > 7 and lines[7].strip() == "ready"

    async def _create_database(self, name: str) -> None:
        connection = await asyncpg.connect(self.url("postgres"))
        if not await connection.fetchval("SELECT count(*) FROM pg_database WHERE datname = $1", name):
            await connection.execute(f'CREATE DATABASE "{name}"')
        await connection.close()


def _locale(binaries: Binaries) -> tuple[str, ...]:
    """A locale that knows upper and lower case beyond ASCII, the same on every machine where possible."""
    if binaries.major >= 17:
        return ("--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C")
    return ("--locale=C.UTF-8",) if sys.platform == "linux" else ("--locale=en_US.UTF-8",)


def _environment() -> dict[str, str]:
    """Nothing of ours: a stray PGPORT or PGDATA would reach the server, a secret its memory."""
    return {"PATH": "/usr/bin:/bin", "TZ": "UTC", "LC_ALL": "C"}
