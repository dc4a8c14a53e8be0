"""What the documents have people type is typed: curl's lines to a real API, those of redis-cli to a real queue.

Not run here: what builds or deploys (docker, gcloud, terraform, kubectl), what is paid, and the targets of make, which
tests of their own run. `tests/repository/test_documents.py` holds the options of our commands against the commands.
"""

import asyncio
import json
import os
import re
import shutil
import sys
import textwrap
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from redis.asyncio import Redis as Client

from shared.database import open_pool
from tests.fixtures.audio import tone_wav
from tests.fixtures.both_services import Site, a_site
from tests.fixtures.keys import PEPPER, made_key
from tests.fixtures.repository import ROOT, fences

SHOWN = re.compile(r"019[0-9a-f]*(?:-[0-9a-f]{4})?[-…]+")  # an id, shortened as documents do
PRELUDE = """
key="Authorization: Bearer $TRANSCRIPTS_API_KEY"
curl() {
  case "$*" in *Authorization*) ;; *) set -- -H "$key" "$@" ;; esac
  command curl --silent --show-error --fail-with-body "$@"
}
"""
CURL = pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")


def typed(document: str, program: str) -> list[str]:
    """The lines of a document's shell blocks that call the program, those that go on joined."""
    lines = "\n".join(fences(ROOT / "docs" / document, "sh")).replace("\\\n", " ").splitlines()
    return [line.partition("   #")[0].strip() for line in lines if line.startswith(f"{program} ")]


class Shell:
    """A person's shell, in a folder with the files that the documents speak of."""

    def __init__(self, site: Site, key: str) -> None:
        self.site = site
        self.key = key
        self.ids: dict[str, str] = {}

    async def run(self, line: str) -> str:
        """Type a line, with real ids for those that are shown."""
        assert self.site.api is not None
        line = line.replace("http://127.0.0.1:8000", self.site.api.url)
        line = re.sub(
            r"/v1/(\w+)/" + SHOWN.pattern, lambda found: f"/v1/{found[1]}/{self.ids[found[1]]}", line
        )
        line = re.sub(r'("?)(\w+)_id("?[:=] ?"?)' + SHOWN.pattern, self._id, line)
        assert "…" not in line, line
        given = {"TRANSCRIPTS_URL": self.site.api.url, "TRANSCRIPTS_API_KEY": self.key}
        process = await asyncio.create_subprocess_exec(
            "bash", "-c", PRELUDE + line, cwd=self.site.folder, env={**os.environ, **given},
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        out, err = await process.communicate()
        assert process.returncode == 0, f"{line}\n{out.decode()}\n{err.decode()}"
        return out.decode()

    def _id(self, found: re.Match[str]) -> str:
        return f"{found[1]}{found[2]}_id{found[3]}{self.ids[found[2] + 's']}"

    async def python(self, code: str) -> str:
        """Run a piece of Python, with this site's address and key; returns what it printed."""
        assert self.site.api is not None
        file = self.site.folder / "piece.py"
        file.write_text(
            f"key = {self.key!r}\n{code.replace('https://transcripts.example', self.site.api.url)}"
        )
        process = await asyncio.create_subprocess_exec(
            sys.executable, str(file), cwd=self.site.folder, env={**os.environ, "PYTHONPATH": str(ROOT)},
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        out, err = await process.communicate()
        assert process.returncode == 0, err.decode()
        return out.decode()

    def learn(self, answer: str) -> None:
        """Remember the ids in an answer: of what was made, or where it is."""
        for kind, name in re.findall(r"/v1/(\w+)/([0-9a-f-]{36})", answer):
            self.ids[kind] = name
        if answer.startswith('{"session":'):
            made = json.loads(answer)
            self.ids |= {"sessions": made["session"]["id"], "jobs": made["job"]["id"]}


@pytest.fixture
async def site(database_url: str, redis_url: str, tmp_path: Path) -> AsyncIterator[Site]:
    async with a_site(database_url, redis_url, tmp_path) as site:
        await site.start_api(TRANSCRIPTS_PEPPER=PEPPER)
        async with site.worker(TRANSCRIPTS_PEPPER=PEPPER):
            yield site


@pytest.fixture
async def shell(site: Site, database_url: str) -> Shell:
    """With a key for everything, a recording, and a transcript of somebody else's."""
    async with await open_pool(database_url, size=1, name="test") as pool:
        _, key = await made_key(pool)
    (site.folder / "session.m4a").write_bytes(tone_wav(2.0))  # what it is, the bytes say
    (site.folder / "meeting.vtt").write_text("WEBVTT\n\n00:00.000 --> 00:01.000\nHello there.\n")
    return Shell(site, key)


@CURL
async def test_what_the_api_s_guide_types(shell: Shell) -> None:
    """A recording sent, waited for, exported; a key made; a resumable upload in all its steps; an edit, taken back."""
    lines = typed("api.md", "curl")
    assert len(lines) == 10
    send, wait, export, key, begin, go_on, look, use, edit, undo = lines
    shell.learn(await shell.run(send))
    assert '"succeeded"' in await shell.run(wait)
    await shell.run(export)
    [srt] = shell.site.folder.glob("*.srt")
    assert "-->" in srt.read_text()
    assert "ctk_" in await shell.run(key)
    first = dict(shell.ids)
    shell.learn(await shell.run(begin))
    await shell.run(go_on)
    size = (shell.site.folder / "session.m4a").stat().st_size
    assert f"upload-offset: {size}" in (await shell.run(look)).lower()
    shell.learn(await shell.run(use))
    assert shell.ids["sessions"] != first["sessions"]
    shell.ids = first
    assert "What would you like to have?" in await shell.run(edit)
    await shell.run(undo)


@CURL
async def test_what_other_guides_type(shell: Shell, redis_url: str) -> None:
    """Search, the audit trail, a list, an import over a transcript, webhooks, a look into the queue."""
    send, wait, *_ = typed("api.md", "curl")
    shell.learn(await shell.run(send))
    await shell.run(wait)
    for document, lines in {
        name: typed(f"{name}.md", "curl") for name in ("search", "security", "local")
    }.items():
        assert lines, document
        for line in lines:
            assert await shell.run(line.partition(" | ")[0])
    [replace] = typed("transcripts.md", "curl")
    assert "Hello there." in await shell.run(replace)
    make, test, deliveries = typed("webhooks.md", "curl")
    shell.ids["webhooks"] = json.loads(await shell.run(make))["id"]
    await shell.run(test)
    await shell.run(deliveries)
    await look_into_the_queue(redis_url)
    await use_the_client(shell)


async def use_the_client(shell: Shell) -> None:
    """Both pieces of Python of its guide, the second below what it leaves out."""
    first, follow = fences(ROOT / "docs" / "client.md", "python")
    printed = (await shell.python(first)).splitlines()
    assert len(printed) > 1
    lines = (
        "import asyncio",
        "from client.aio import AsyncClient",
        f"job_id = {printed[0]!r}",
        "async def main():",
        textwrap.indent(follow, "    "),
        "asyncio.run(main())",
    )
    assert "succeeded" in await shell.python("\n".join(lines))


async def look_into_the_queue(redis_url: str) -> None:
    """Each line of redis-cli is a command that this server takes, with names that our queue has."""
    lines = [line.partition(" | ")[0] for line in typed("queue.md", "redis-cli")]
    assert len(lines) == 12
    async with Client.from_url(redis_url) as redis:
        for line in lines:
            words = re.sub(r"<[^>]+>", "x", line).replace("$(date +%s000)", "1795532400000").split()[1:]
            if words[0] not in {"--scan", "MONITOR"}:
                await redis.execute_command(*words)
        assert [key async for key in redis.scan_iter("transcripts*:workers")]
