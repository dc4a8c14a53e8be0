"""Engines of other packages: found, run end to end, and named where they are broken."""

import os
import re
from pathlib import Path

import httpx
import pytest

from api_service.engines import Offer
from shared.errors import SetupError
from shared.lifecycle import JobStatus
from shared.plugins import ENGINE_ABILITIES, ENGINES, installed
from shared.settings import ApiSettings, WorkerSettings
from tests.fixtures.api_process import ApiProcess
from tests.fixtures.audio import tone_wav
from tests.fixtures.packages import a_plugin, install
from tests.fixtures.repository import ROOT
from tests.fixtures.worker_process import a_worker, start_worker
from worker_service.engines.catalogue import chosen

STORES = {
    "DATABASE_URL": "postgresql://h/d",
    "REDIS_URL": "redis://h",
    "TRANSCRIPTS_STORAGE_URL": "file:///none",
}


def example() -> dict[str, str]:
    """The files of the package in the document, by their first lines."""
    text = (ROOT / "docs" / "engines.md").read_text()
    return dict(re.findall(r"```(?:toml|python)\n# (\S+)\n(.*?)```", text, re.DOTALL))


def api_settings(**given: str) -> ApiSettings:
    return ApiSettings(_env_file=None, **{**STORES, **given})  # type: ignore[call-arg, arg-type]


def worker_settings(engines: str) -> WorkerSettings:
    return WorkerSettings(_env_file=None, **STORES, TRANSCRIPTS_ENGINES=engines)  # type: ignore[call-arg, arg-type]


async def test_the_example_of_the_documents_runs_a_job(
    database_url: str, redis_url: str, tmp_path: Path
) -> None:
    """What docs/engines.md tells others to write is installed as it stands, beside both services, and used."""
    others = install(tmp_path / "others", example())
    path = os.pathsep.join([str(ROOT), str(others)])
    api = ApiProcess(tmp_path, database_url, redis_url, PYTHONPATH=path, TRANSCRIPTS_DEFAULT_ENGINE="local")
    await api.start()
    try:
        async with (
            a_worker(
                tmp_path / "w.log", database_url, redis_url, tmp_path / "objects",
                PYTHONPATH=path, TRANSCRIPTS_ENGINES="acme", ACME_API_KEY="k",
            ),
            httpx.AsyncClient(base_url=api.url, timeout=300) as http,
        ):  # fmt: skip
            assert "acme" in {engine["name"] for engine in (await http.get("/v1/engines")).json()}
            refused = await http.post(
                "/v1/sessions",
                files={"audio": ("a.wav", tone_wav(3.0))},
                data={"engine": "acme", "language": "ja"},
            )
            assert (refused.status_code, refused.json()["code"]) == (422, "unsupported_option")
            sent = await http.post(
                "/v1/sessions", files={"audio": ("a.wav", tone_wav(3.0))}, data={"engine": "acme"}
            )
            job = sent.json()["job"]
            while job["status"] not in {"succeeded", "failed"}:
                answer = await http.get(f"/v1/jobs/{job['id']}", headers={"Prefer": "wait=20"})
                job = answer.json()
            assert (job["status"], job["model"]) == (JobStatus.SUCCEEDED, "small"), job
            said = await http.get(f"/v1/sessions/{job['session_id']}/transcript?format=txt")
            assert "word2" in said.text
            usage = (await http.get("/v1/usage")).json()
            assert (usage["items"][0]["engine"], usage["micro_dollars"]) == ("acme", 300)
    finally:
        await api.end()


async def test_a_job_waits_for_its_engine_says_so_and_starts_when_a_worker_comes(
    database_url: str, redis_url: str, tmp_path: Path
) -> None:
    """Never a failure, and no job of another engine waits behind it."""
    path = os.pathsep.join([str(ROOT), str(install(tmp_path / "others", example()))])
    stores = (database_url, redis_url, tmp_path / "objects")
    api = await ApiProcess(tmp_path, database_url, redis_url, PYTHONPATH=path).start()
    try:
        async with (
            httpx.AsyncClient(base_url=api.url, timeout=300) as http,
            a_worker(tmp_path / "one.log", *stores, "--max-jobs", "1"),
        ):
            jobs = []
            for engine in ("acme", "scripted"):
                files = {"audio": ("a.wav", tone_wav(1.0))}
                sent = await http.post("/v1/sessions", files=files, data={"engine": engine})
                jobs.append(f"/v1/jobs/{sent.json()['job']['id']}")
            done = await http.get(jobs[1], headers={"Prefer": "wait=30"})
            assert done.json()["status"] == "succeeded"
            waiting = (await http.get(jobs[0])).json()
            assert (waiting["status"], waiting["error"], waiting["queue_position"]) == ("queued", None, 1)
            assert "worker with the engine acme: none runs" in waiting["message"]
            queue = (await http.get("/v1/ops/queue")).json()
            assert queue["unserved_engines"] == ["acme"]
            async with a_worker(
                tmp_path / "two.log", *stores,
                PYTHONPATH=path, TRANSCRIPTS_ENGINES="acme,scripted", ACME_API_KEY="k",
            ):  # fmt: skip
                done = await http.get(jobs[0], headers={"Prefer": "wait=30"})
                assert (done.json()["status"], done.json()["attempt"]) == ("succeeded", 1)
    finally:
        await api.end()


async def test_a_plugin_that_is_not_set_up_says_so(database_url: str, redis_url: str, tmp_path: Path) -> None:
    others = install(tmp_path / "others", example())
    worker = await start_worker(
        tmp_path / "w.log", database_url, redis_url, tmp_path / "objects",
        PYTHONPATH=os.pathsep.join([str(ROOT), str(others)]), TRANSCRIPTS_ENGINES="acme",
    )  # fmt: skip
    assert await worker.process.wait() == 2
    assert worker.text.strip() == "The engine acme needs a key: set ACME_API_KEY."


def test_ours_are_registered_as_others_are() -> None:
    for group in (ENGINES, ENGINE_ABILITIES):
        points = installed(group)
        assert {"google", "local", "scripted"} <= set(points)
        assert all(callable(points[name].load()) for name in ("google", "local", "scripted"))


def test_an_engine_that_no_package_has_is_refused_with_those_that_are_found() -> None:
    with pytest.raises(SetupError, match=r"no engine 'siri'\. Found are .*google, local, scripted"):
        chosen(worker_settings("local, siri"))
    with pytest.raises(SetupError, match=r"names no engine\. Found are"):
        chosen(worker_settings(" , "))
    with pytest.raises(SetupError, match=r"no engine 'siri'\. Found are .*google, local, scripted"):
        Offer(api_settings(TRANSCRIPTS_DEFAULT_ENGINE="siri"))


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("import acme_sdk_that_is_not_there", "ModuleNotFoundError"),
        ("def describe(settings): return 1 / 0", "ZeroDivisionError"),
        ("def describe(settings): return {}", "no shared.engines.Abilities"),
        (
            "from shared.engines import LOCAL\ndef describe(settings): return LOCAL",
            "it describes the engine 'local'",
        ),
    ],
)
def test_a_broken_package_is_named_to_the_api(
    code: str, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = f"odd{abs(hash(code)) % 10**8}"  # a module is imported once a process
    monkeypatch.syspath_prepend(a_plugin(tmp_path, name, code, engine_abilities=f"{name}_speech:describe"))
    with pytest.raises(SetupError, match=said) as caught:
        Offer(api_settings())
    assert f"{name}-speech 2.1" in caught.value.detail


async def test_a_broken_package_is_named_to_the_worker_and_only_where_it_is_wanted(
    database_url: str, redis_url: str, tmp_path: Path
) -> None:
    others = a_plugin(tmp_path / "others", code="import no_such_sdk", engines="odd_speech:open")
    path = os.pathsep.join([str(ROOT), str(others)])
    stores = (database_url, redis_url, tmp_path / "objects")
    worker = await start_worker(tmp_path / "w.log", *stores, PYTHONPATH=path, TRANSCRIPTS_ENGINES="odd")
    assert await worker.process.wait() == 2
    assert "odd-speech 2.1" in worker.text
    assert "No module named 'no_such_sdk'" in worker.text
    assert "Traceback" not in worker.text
    async with a_worker(tmp_path / "well.log", *stores, PYTHONPATH=path):
        pass  # the scripted engine does not mind


def test_two_packages_of_one_name_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(a_plugin(tmp_path / "one", engines="odd_speech:open"))
    other = a_plugin(tmp_path / "two", engines="else_speech:open")
    (other / "odd_speech-2.1.dist-info" / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: rival\nVersion: 1\n"
    )
    (other / "odd_speech-2.1.dist-info").rename(other / "rival-1.dist-info")
    monkeypatch.syspath_prepend(other)
    with pytest.raises(SetupError, match="Two packages register 'odd'"):
        installed(ENGINES)
