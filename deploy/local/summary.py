"""What `up` tells the user once everything runs: where it is and what to type next; no secrets."""

import shlex
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

from deploy.local.console import Console
from deploy.local.keys import PEPPER
from deploy.local.services import Plan
from deploy.local.stack import Stack


def lines(stack: Stack, plan: Plan, console: Console) -> Iterator[str]:
    """The summary, line by line."""
    yield console.bold(f"Coaching Transcripts is ready after {stack.start_seconds:.1f} s.")
    yield ""
    yield f"  console    {console.bold(f'{plan.api_url}/console')}    open it in a browser"
    yield f"  API        {plan.api_url}    documentation at {plan.api_url}/docs"
    yield f"  worker     {plan.max_jobs} jobs at once, speech by {', '.join(plan.engines)}"
    yield f"  Postgres   {_postgres(stack)}"
    yield f"  Redis      {_redis(stack)}"
    yield f"  data       {stack.folder.root}    logs in {_short(stack.folder.logs)}"
    yield ""
    yield console.bold("Send a recording")
    note = console.dim("# the key, passwords and URLs, readable by you alone")
    yield f"  . {_short(stack.folder.env_file)}    {note}"
    key = '-H "Authorization: Bearer $TRANSCRIPTS_API_KEY" ' if PEPPER in plan.environment else ""
    command = Path(sys.executable).with_name("transcripts")
    if command.exists():
        yield f"  {_short(command)} submit session.m4a"
    yield f"  curl {key}-F audio=@session.m4a {plan.api_url}/v1/sessions"
    yield ""
    yield from _look_inside(stack, console)


def of_servers(stack: Stack, console: Console) -> Iterator[str]:
    """The summary of servers without services."""
    yield console.bold(f"Postgres and Redis are ready after {stack.start_seconds:.1f} s.")
    yield ""
    yield f"  Postgres   {_postgres(stack)}"
    yield f"  Redis      {_redis(stack)}"
    yield f"  data       {stack.folder.root}    logs in {_short(stack.folder.logs)}"
    yield ""
    yield console.bold("In other terminals")
    yield "  make run-api"
    yield "  MAX_JOBS=4 make run-worker"
    yield ""
    yield from _look_inside(stack, console)


def after_demo(console: Console) -> Iterator[str]:
    """What to try after the demo."""
    yield ""
    yield console.bold("Next")
    yield "  make demo FILE=my-session.m4a    a recording of your own"
    yield "  make up                          the console in a browser, the API and a worker, until Ctrl-C"
    yield ""


def _look_inside(stack: Stack, console: Console) -> Iterator[str]:
    yield console.bold("Look inside")
    if stack.postgres is not None and (psql := _psql(stack)):
        yield f"  {psql}"
    if stack.redis is not None and (cli := shutil.which("redis-cli") or shutil.which("valkey-cli")):
        yield f"  {Path(cli).name} -p {stack.redis.port}"
    yield ""
    yield "Ctrl-C stops everything; the data stays."
    yield ""


def _postgres(stack: Stack) -> str:
    if stack.postgres is None:
        return "the one that DATABASE_URL names"
    return f"127.0.0.1:{stack.postgres.port}    version {stack.postgres.version}"


def _redis(stack: Stack) -> str:
    return "the one that REDIS_URL names" if stack.redis is None else f"127.0.0.1:{stack.redis.port}"


def _psql(stack: Stack) -> str | None:
    if shutil.which("psql"):
        return "psql"
    own = stack.postgres.psql if stack.postgres else None
    return shlex.quote(str(own)) if own else None


def _short(path: Path) -> str:
    """Relative where the user stands above it."""
    here = Path.cwd()
    return shlex.quote(str(path.relative_to(here) if path.is_relative_to(here) else path))
