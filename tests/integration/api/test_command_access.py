"""The command's keys and operations, against a real API that wants keys."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from client.command.webhooks import EVENTS
from shared.errors import EngineError
from shared.webhooks.events import SUBSCRIBABLE
from tests.fixtures.command_line import CommandLine, CommandServer
from tests.fixtures.keys import PEPPER, bearer, made_key
from tests.fixtures.rows import sign_on
from tests.integration.api.conftest import Api, StartApi


@pytest.fixture
async def guarded(start_api: StartApi) -> AsyncIterator[Api]:
    """An API that wants keys; its client has one for everything."""
    async with start_api(TRANSCRIPTS_PEPPER=PEPPER) as api:
        _, key = await made_key(api.pool)
        api.http.headers.update(bearer(key))
        yield api


@pytest.fixture
def shell(command_server: CommandServer, guarded: Api, tmp_path: Path) -> CommandLine:
    """A shell with the key of the test's client."""
    key = guarded.http.headers["Authorization"].removeprefix("Bearer ")
    return CommandLine(command_server, tmp_path, guarded.server.url, key)


async def test_a_key_is_made_used_replaced_and_revoked(guarded: Api, shell: CommandLine) -> None:
    """F43, F39: a new key is written to stdout once; the one that is used never is."""
    made = await shell.run("keys", "create", "a dashboard", "--scope", "sessions:read", "--expires", "P90D")
    assert made.code == 0
    assert made.err.startswith("Key ")
    other = CommandLine(shell.server, shell.folder, shell.url, made.out.strip())
    assert (await other.run("list")).code == 0

    refused = await other.run("ops", "queue")
    assert refused.code == 5
    assert "scope" in refused.err
    nobody = await shell.run("list", TRANSCRIPTS_API_KEY="")
    assert nobody.code == 5
    assert "TRANSCRIPTS_API_KEY" in nobody.err

    rows = (await shell.run("keys", "list")).rows
    key_id, start, status, scopes = rows[0][:4]
    assert (start, status, scopes) == (made.out[: len(start)], "active", "sessions:read")
    replaced = await shell.run("keys", "rotate", key_id, "--json")
    assert replaced.json["name"] == "a dashboard"
    assert (await other.run("list")).code == 5
    assert (await shell.run("keys", "revoke", replaced.json["id"])).code == 0
    statuses = [row[2] for row in (await shell.run("keys", "list", "-n", "2")).rows]
    assert statuses == ["revoked", "revoked"]


async def test_the_key_and_address_come_from_a_file_too(shell: CommandLine) -> None:
    """The command line goes before the environment, and that before `.env`."""
    (shell.folder / ".env").write_text(
        f"TRANSCRIPTS_URL={shell.url}\nTRANSCRIPTS_API_KEY={shell.key}\nDATABASE_URL=of-the-service\n"
    )
    from_file = {"TRANSCRIPTS_URL": "", "TRANSCRIPTS_API_KEY": ""}
    assert (await shell.run("keys", "list", **from_file)).code == 0
    assert (await shell.run("keys", "list", "--key", "ctk_wrong", **from_file)).code == 5
    assert (await shell.run("keys", "list", "--url", "http://127.0.0.1:9", **from_file)).code == 4


async def test_operators_look_and_act(guarded: Api, shell: CommandLine) -> None:
    await sign_on(guarded.pool, "w-1", places=3)
    job = await guarded.claimed(await guarded.send(title="Eins"))
    assert await guarded.jobs.fail(job.id, job.attempt, EngineError())
    await guarded.send()

    assert [(row[0], row[1], row[2]) for row in (await shell.run("ops", "workers")).rows] == [
        ("w-1", "running", "0/3")
    ]
    assert ["due", "1"] in (await shell.run("ops", "queue")).rows
    assert (await shell.run("ops", "queue", "--json")).json["places"] == 3
    assert (await shell.run("ops", "scaling")).rows[0][:6] == ["all", "1", "3", "3", "1", "0"]
    assert (await shell.run("ops", "scaling", "--json")).json["engines"]["scripted"]["places_wanted"] == 1
    failed = (await shell.run("ops", "jobs", "-s", "failed", "--error", "engine_failed")).rows
    assert [(row[0], row[7], row[8]) for row in failed] == [(str(job.id), "engine_failed", "Eins")]
    of_request = ("--session", str(job.session_id), "--request", str(job.request_id), "--no-deferred")
    assert [row[0] for row in (await shell.run("ops", "jobs", *of_request)).rows] == [str(job.id)]
    assert (await shell.run("ops", "jobs", "--deferred")).rows == []
    assert sum(int(row[2]) for row in (await shell.run("ops", "trends", "--span", "hour")).rows) == 1
    assert sum((await shell.run("ops", "trends", "--json")).json["failed"]) == 1
    events = (await shell.run("ops", "job", job.session_id)).rows
    assert events == (await shell.run("ops", "job", job.id)).rows
    assert [row[3] for row in events][:2] == ["queued", "claimed"]

    again = await shell.run("ops", "requeue", "--error", "engine_failed")
    assert (again.code, len(again.rows)) == (0, 1)
    twice = await shell.run("ops", "requeue", job.id)
    assert twice.code == 1
    assert f"{job.id} was left" in twice.err
    assert (await shell.run("ops", "requeue")).code == 1  # a selection that names nothing
    assert (await shell.run("ops", "cancel", "-s", "queued", "--json")).json["left"] == {}
    assert (await shell.run("ops", "drain", "w-1")).code == 0
    assert (await shell.run("ops", "workers")).rows[0][1] == "draining"
    assert (await shell.run("ops", "pause", "--reason", "a test")).code == 0
    assert (await shell.run("ops", "queue", "--json")).json["pause_reason"] == "a test"
    assert (await shell.run("ops", "resume")).code == 0


async def test_speakers_are_named_and_swapped(guarded: Api, shell: CommandLine) -> None:
    """F24."""
    job = await guarded.claimed(await guarded.send())
    await guarded.succeed(job)
    assert [row[1] for row in (await shell.run("speakers", job.id)).rows] == ["coach", "client"]
    swapped = await shell.run("speakers", job.id, "--swap", "--set", "2=Bén:unknown")
    assert swapped.rows == [["1", "client", "100%", "Coach"], ["2", "unknown", "", "Bén"]]
    for wrong in ("3=Carl", "1", "1=Anna:boss"):
        assert (await shell.run("speakers", job.id, "--set", wrong)).code == 2
    assert [row[3] for row in (await shell.run("speakers", job.session_id)).rows] == ["Coach", "Bén"]


async def test_webhooks_are_made_tried_out_and_switched(guarded: Api, shell: CommandLine) -> None:
    """The secret is written to stdout, once; a delivery is looked at and sent again."""
    made = await shell.run("webhooks", "create", "https://app.example/hooks", "--event", "job.failed")
    assert made.code == 0
    assert made.out.startswith("whsec_")
    (row,) = (await shell.run("webhooks", "list")).rows
    webhook = row[0]
    assert row[1:] == ["on", "https://app.example/hooks", "", "job.failed"]
    refused = await shell.run("webhooks", "create", "http://app.example/hooks")
    assert refused.code == 1
    assert "https" in refused.err

    delivery = (await shell.run("webhooks", "test", webhook)).out.strip()
    (seen,) = (await shell.run("webhooks", "deliveries", webhook)).rows
    assert seen[:4] == [delivery, "webhook.test", "pending", "0"]
    assert (await shell.run("webhooks", "deliveries", webhook, "-s", "failed")).out == ""
    assert (await shell.run("webhooks", "replay", webhook)).code == 2
    again = await shell.run("webhooks", "replay", webhook, "--failed-since", "1d", "--json")
    assert again.json == {"queued": []}

    replaced = await shell.run("webhooks", "rotate", webhook, "--until", "PT1H")
    assert replaced.out.startswith("whsec_")
    assert replaced.out != made.out
    assert (await shell.run("webhooks", "enable", webhook, "--off", "--json")).json["enabled"] is False
    assert (await shell.run("webhooks", "list")).rows[0][1].startswith("off: ")
    assert (await shell.run("webhooks", "enable", webhook)).code == 0
    assert (await shell.run("webhooks", "delete", webhook)).code == 0
    assert (await shell.run("webhooks", "list")).out == ""
    assert set(EVENTS) == set(SUBSCRIBABLE)
