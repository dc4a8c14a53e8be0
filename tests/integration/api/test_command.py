"""The `transcripts` command as a user runs it, against the real API: what it prints where, and how it ends."""

import asyncio
import signal
from pathlib import Path
from uuid import UUID

import pytest

from shared.errors import NoAudioError
from tests.fixtures.command_line import CommandLine, CommandServer
from tests.integration.api.conftest import WAV, Api, eventually


@pytest.fixture
def shell(command_server: CommandServer, api: Api, tmp_path: Path) -> CommandLine:
    """A shell in an empty folder."""
    (tmp_path / "cwd").mkdir()
    return CommandLine(command_server, tmp_path / "cwd", api.server.url)


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    path = tmp_path / "第一次.wav"
    path.write_bytes(WAV)
    return path


async def queued(api: Api) -> UUID:
    """The one job that waits, once there is one."""
    row = await eventually(lambda: api.pool.fetchrow("SELECT id FROM job WHERE status = 'queued'"))
    job_id: UUID = row["id"]
    return job_id


async def test_a_recording_goes_in_and_subtitles_come_out(
    api: Api, shell: CommandLine, recording: Path
) -> None:
    """F45: the ids come first, on stderr; stdout is the transcript and nothing else."""
    running = await shell.start("submit", recording, "--language", "zh-TW", "--phrase", "GROW", "-f", "srt")
    job_id = await queued(api)
    assert running.stderr is not None
    while f"job {job_id}" not in (await running.stderr.readline()).decode():
        pass
    job = await api.jobs.claim(job_id, "worker-1")
    assert job is not None
    assert job.phrases == ["GROW"]
    await api.succeed(job)
    ended = await shell.end(running)
    assert ended.code == 0
    assert ended.out.startswith("1\n00:00:00,000 --> ")
    assert "The client is hard to hear." in ended.err
    assert "\x1b" not in ended.out + ended.err


async def test_an_interrupted_submit_says_how_to_go_on(api: Api, shell: CommandLine, recording: Path) -> None:
    """F45: Ctrl-C ends the watching, not the job."""
    other = recording.with_name("other.wav")
    other.write_bytes(WAV)
    running = await shell.start("submit", recording, other)
    job_id = await queued(api)
    await eventually(lambda: api.pool.fetchval("SELECT count(*) = 2 FROM job"))
    assert running.stdout is not None
    lines = [(await running.stdout.readline()).decode() for _ in range(2)]
    running.send_signal(signal.SIGINT)
    ended = await shell.end(running)
    assert ended.code == 130
    told = next(line for line in ended.err.splitlines() if "transcripts watch" in line)
    ids = told.partition("watch ")[2].split()
    assert sorted(ids) == sorted(line.split("\t")[1] for line in lines)
    assert str(job_id) in ids
    for each in ids:
        job = await api.jobs.claim(UUID(each), "worker-1")
        assert job is not None
        if each == ids[0]:
            await api.succeed(job)
        else:
            assert await api.jobs.fail(job.id, job.attempt, NoAudioError())
    watched = await shell.run("watch", *ids)
    assert watched.code == 3
    assert [(row[1], *row[2:]) for row in watched.rows] == [
        (ids[0], "succeeded", ""),
        (ids[1], "failed", "media_no_audio"),
    ]
    assert f"{ids[1]}: Failed: The file holds no audio track." in watched.err
    again = await shell.run("retry", ids[1], "--no-wait", "--json")
    assert again.json[0]["retry_of"] == ids[1]


async def test_sessions_are_listed_shown_exported_and_erased(
    api: Api, shell: CommandLine, tmp_path: Path
) -> None:
    job = await api.claimed(await api.send(title="One", language="en-US"))
    await api.succeed(job)
    other = await api.send(title="Two\u3000二")
    listed = await shell.run("list", "--after", "1h")
    assert [(row[0], row[1], row[5]) for row in listed.rows] == [
        (other["session"]["id"], "queued", "Two 二"),
        (str(job.session_id), "succeeded", "One"),
    ]
    assert [each["title"] for each in (await shell.run("list", "-s", "succeeded", "--json")).json] == ["One"]
    assert (await shell.run("list", "--title", "two", "--language", "en", "--before", "2020-01-01")).out == ""

    shown = await shell.run("get", job.id, "--json")  # the id of its job will do
    assert (shown.json["session"]["id"], shown.json["job"]["id"]) == (str(job.session_id), str(job.id))
    assert ["title", "One"] in (await shell.run("get", job.session_id)).rows

    assert (await shell.run("export", job.session_id)).out.startswith("One\n")
    assert (await shell.run("export", job.id, "-f", "docx", "-o", tmp_path)).code == 0
    assert (tmp_path / "One.docx").read_bytes().startswith(b"PK")
    bare = await shell.run(
        "export", job.id, "-f", "json", "--no-words", "--redact", "names", "--redact", "emails"
    )
    assert "words" not in bare.json["segments"][0]
    early = await shell.run("export", other["session"]["id"])
    assert (early.code, early.out) == (6, "")
    assert "transcripts watch" in early.err

    cancelled = await shell.run("cancel", other["session"]["id"])
    assert cancelled.rows == [[other["job"]["id"], other["session"]["id"], "Cancelled"]]
    erased = await shell.run("delete", "--yes", other["job"]["id"], "--json")
    assert erased.json == {"deleted": [other["session"]["id"]]}
    assert (await shell.run("get", other["session"]["id"])).code == 1


async def test_a_refusal_says_why_and_what_to_do(
    api: Api, shell: CommandLine, recording: Path, tmp_path: Path
) -> None:
    refused = await shell.run("submit", recording, "--engine", "ears")
    assert refused.code == 1
    assert "no engine 'ears'" in refused.err
    assert "Request " in refused.err
    text = tmp_path / "notes.wav"
    text.write_text("these are only words")
    both = await shell.run("submit", text, recording, "--no-wait")
    assert both.code == 1
    assert "notes.wav: " in both.err
    assert len(both.rows) == 1  # the other one was taken
    nowhere = await shell.run("list", TRANSCRIPTS_URL="http://127.0.0.1:9")
    assert (nowhere.code, nowhere.out) == (4, "")
    assert "http://127.0.0.1:9 does not answer" in nowhere.err


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["submit", "nothing.wav"], "is not there"),
        (["submit", "{recording}", "--metadata", "[1]"], "give a JSON object"),
        (["submit", "{recording}", "--no-wait", "-f", "srt"], "without waiting"),
        (["export", "not-an-id"], "not-an-id"),
        (["list", "--after", "yesterday"], "give a date"),
        (["list", "--url", "transcripts.example"], "must look like https://"),
        (["lst"], "Did you mean 'list'"),
    ],
)
async def test_a_wrong_command_line_is_refused_before_anything_is_sent(
    shell: CommandLine, recording: Path, arguments: list[str], told: str
) -> None:
    ended = await shell.run(*(each.format(recording=recording) for each in arguments))
    assert (ended.code, ended.out) == (2, "")
    assert told in ended.err


async def test_a_load_test_tells_how_long_it_took_and_leaves_nothing(
    api: Api, shell: CommandLine, tmp_path: Path
) -> None:
    """The older guide's report; queue wait and run are the service's own times."""

    async def work(until: int) -> None:
        for n in range(until):
            job = await api.jobs.claim(await queued(api), "worker-1")
            assert job is not None
            if n:
                await api.succeed(job)
            else:
                assert await api.jobs.fail(job.id, job.attempt, NoAudioError())

    working = asyncio.create_task(work(4))
    plot = tmp_path / "load.svg"
    ended = await shell.run("load-test", "-n", 4, "-c", 2, "--seconds", 1, "--plot", plot, "--json")
    await working
    assert ended.code == 3
    result = ended.json
    assert (result["total_tasks"], result["successful"], result["failed"]) == (4, 3, 1)
    assert result["errors"] == {"media_no_audio": 1}
    assert set(result["seconds"]) == {"upload", "wait", "run", "total"}
    assert [sample["n"] for sample in result["samples"]] == [1, 2, 3, 4]
    assert plot.read_text().startswith("<svg")
    assert await api.pool.fetchval("SELECT count(*) FROM session") == 0
    assert "4 of 4 sent" in ended.err


async def test_an_interrupted_load_test_reports_and_cleans_up(api: Api, shell: CommandLine) -> None:
    running = await shell.start("load-test", "-n", 3, "--seconds", 1, "--json")
    await eventually(lambda: api.pool.fetchval("SELECT count(*) = 3 FROM job"))
    job = await api.jobs.claim(await queued(api), "worker-1")
    assert job is not None
    await api.succeed(job)
    assert running.stderr is not None
    while b" 1 ended" not in await running.stderr.readline():
        pass
    running.send_signal(signal.SIGINT)
    ended = await shell.end(running)
    assert ended.code == 130
    assert (ended.json["successful"], ended.json["total_tasks"]) == (1, 3)
    assert await api.pool.fetchval("SELECT count(*) FROM session") == 0


async def test_the_doctor_says_what_it_looked_at(api: Api, shell: CommandLine) -> None:
    found = await shell.run("doctor", "--json")
    grades = {each["subject"]: each["grade"] for each in found.json}
    assert found.code == 0
    assert (
        grades.items()
        >= {"reached": "ok", "clock": "ok", "key": "ok", "postgres": "ok", "queue": "ok"}.items()
    )
    assert grades["workers"] == "note"  # there is none, and recordings are taken all the same
    away = await shell.run("doctor", "--url", "http://127.0.0.1:9")
    assert away.code == 4
    assert away.rows[-1][:2] == ["fail", "reached"]


async def test_a_plan_comes_from_numbers_or_from_what_was_measured(api: Api, shell: CommandLine) -> None:
    plan = await shell.run("plan-capacity", "--at-once", 100, "--json")
    assert (plan.json["workers"], plan.json["capacity"]) == (38, 152)
    nothing = await shell.run("plan-capacity", "--measured")
    assert nothing.code == 2
    assert "nothing to go by" in nothing.err
    await api.succeed(await api.claimed(await api.send()))
    assert (await shell.run("plan-capacity", "--measured", "--json")).json["arrivals_per_hour"] == 1
    tables = await shell.run("plan-capacity", "--scenarios", "--markdown")
    assert "| Production | 3 x 3 = 9 |" in tables.out
    assert (await shell.run("plan-capacity")).code == 2


async def test_what_was_said_is_found(api: Api, shell: CommandLine) -> None:
    job = await api.claimed(await api.send(title="One"))
    await api.succeed(job)
    found = await shell.run("search", "how", "are*", "--role", "coach")
    assert found.rows == [[str(job.session_id), "0", "0", "Coach", "How are you?"]]
    hit = (await shell.run("search", '"are you"', "--json")).json[0]
    assert (hit["title"], hit["snippet"]["text"]) == ("One", "How are you?")
    assert (await shell.run("search", "how", "--role", "client")).out == ""


async def test_usage_is_told_by_day_and_model(api: Api, shell: CommandLine) -> None:
    """F32: what a session cost stays when the session goes."""
    await api.pool.execute(
        "INSERT INTO usage (job_id, attempt, tenant_id, session_id, engine, model, audio_ms, billed_ms, micro_dollars,"
        " created_at) VALUES ($1, 1, 'default', $1, 'google', 'chirp_2', 90000, 90500, 24134, now())",
        UUID(int=7),
    )
    (row,) = (await shell.run("usage")).rows
    assert row[1:] == ["google", "chirp_2", "1", "90000", "90500", "24134"]
    assert (await shell.run("usage", "--json")).json["micro_dollars"] == 24134
    assert (await shell.run("usage", "--from", "2020-01-01", "--to", "2020-01-02")).out == ""
    assert (await shell.run("usage", "--from", "yesterday")).code == 2
