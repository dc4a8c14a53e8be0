"""What the doctor says of set-ups for Google that are broken, each in the way that people break them (F26)."""

import asyncio
import base64
import json
import shlex
from pathlib import Path
from typing import Any

import httpx
import pytest

from deploy.doctor.__main__ import main
from deploy.doctor.google.bucket import FOLDERS
from shared.settings import known_settings
from tests.fakes.google.environment import google_settings
from tests.fakes.google.process import FakeGoogle
from worker_service.engines.google.engine import _STAGED
from worker_service.engines.google.outputs import FOLDER

pytest_plugins = ("tests.fakes.google.fixtures",)

KEY = "GOOGLE_APPLICATION_CREDENTIALS_JSON"
BUCKET = "TRANSCRIPTS_GOOGLE_BUCKET"
LOCATIONS = "TRANSCRIPTS_GOOGLE_LOCATIONS"


def emptied(days: int = 7, **condition: Any) -> dict[str, Any]:
    """A bucket's lifecycle: one rule that deletes."""
    rule = {"action": {"type": "Delete"}, "condition": {"age": days, **condition}}
    return {"rule": [rule]}


@pytest.fixture(autouse=True)
def site(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, google: FakeGoogle) -> pytest.MonkeyPatch:
    """A set-up that works, in a folder without `.env`; neither Redis nor Postgres is asked."""
    monkeypatch.chdir(tmp_path)
    for name in known_settings():
        monkeypatch.delenv(name, raising=False)
    google.settings(require_auth=True)
    google.bucket("work", lifecycle=emptied(matchesPrefix=["speech/results/", "speech/staged/"]))
    settings = {
        "DATABASE_URL": "postgresql://127.0.0.1:1/d",
        "REDIS_URL": "redis://127.0.0.1:1",
        "TRANSCRIPTS_STORAGE_URL": (tmp_path / "objects").as_uri(),
        **google_settings(google, "work"),
    }
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    return monkeypatch


async def examine(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, dict[str, Any]]:
    """The exit code, and the gravest finding of each subject."""
    code = await asyncio.to_thread(main, ["--json", "--google", *arguments])
    shown = capsys.readouterr().out
    assert "PRIVATE KEY" not in shown
    assert "ya29." not in shown
    found: dict[str, Any] = {}
    grave = ["ok", "note", "fail"]
    for finding in json.loads(shown):
        before = found.get(finding["subject"])
        if before is None or grave.index(finding["grade"]) > grave.index(before["grade"]):
            found[finding["subject"]] = finding
    return code, found


def grades(found: dict[str, Any]) -> dict[str, str]:
    return {subject: finding["grade"] for subject, finding in found.items()}


async def test_a_set_up_that_works(capsys: pytest.CaptureFixture[str], google: FakeGoogle) -> None:
    code, found = await examine(capsys)
    assert code == 0
    assert set(grades(found).values()) == {"ok"}
    assert {"key", "token", "Speech", "bucket", "region", "lifecycle", "agent"} <= set(found)
    assert google.objects("work") == []  # nothing stays behind
    assert google.ledger()["billed_ms"] == 0
    assert not {"BatchRecognize", "CancelOperation"} & set(google.calls())


def test_it_looks_where_the_engine_works() -> None:
    assert FOLDERS == (FOLDER, _STAGED)


async def test_a_set_up_for_google_is_looked_at_without_being_asked(
    capsys: pytest.CaptureFixture[str], site: pytest.MonkeyPatch
) -> None:
    site.setenv("TRANSCRIPTS_ENGINES", "google")
    await asyncio.to_thread(main, ["--api", "http://127.0.0.1:1"])
    shown = capsys.readouterr().out
    assert "us-central1 answers for fake-project and has chirp_2" in shown
    assert "Redis" in shown


def key_of(google: FakeGoogle, **changes: Any) -> str:
    return json.dumps({**google.service_account(), **changes})


async def test_keys_that_are_no_keys(
    capsys: pytest.CaptureFixture[str], site: pytest.MonkeyPatch, google: FakeGoogle
) -> None:
    """The third trouble of the older guide: what is wrong with the key, and never a part of it."""
    whole = key_of(google)
    private = google.service_account()["private_key"]
    for text, told in {
        "!not base64 at all": "neither JSON nor base64",
        base64.b64encode(whole.encode()).decode()[:201]: "neither JSON nor base64",
        base64.b64encode(base64.b64encode(whole.encode())).decode(): "base64, but not of JSON",
        whole[:-20]: "JSON that is cut off",
        "/run/secrets/key.json": "is a path",
        '{"type": "authorized_user", "refresh_token": "hunter2"}': "of the kind authorized_user",
        '{"api_key": "hunter2"}': "no service account's key",
        key_of(google, client_email=""): "lacks client_email",
        key_of(google, private_key=private.replace("\n", " ")): "lost its line breaks",
        key_of(google, private_key=private.replace("MII", "hunter2", 1)): "not a service account's key",
    }.items():
        site.setenv(KEY, text)
        code, found = await examine(capsys)
        assert (code, found["key"]["grade"]) == (1, "fail")
        assert told in found["key"]["detail"], found["key"]
        assert "base64" in found["key"]["fix"] or "path" in found["key"]["fix"]
        assert "hunter2" not in json.dumps(found)
        assert "Speech" not in found  # nothing can be asked without a token


async def test_a_key_in_base64_is_fine(
    capsys: pytest.CaptureFixture[str], site: pytest.MonkeyPatch, google: FakeGoogle
) -> None:
    site.setenv(KEY, base64.b64encode(key_of(google).encode()).decode())
    assert (await examine(capsys))[0] == 0


async def test_a_key_that_was_deleted(
    capsys: pytest.CaptureFixture[str], site: pytest.MonkeyPatch, google: FakeGoogle
) -> None:
    """Google refuses the signature: here, because the account is another."""
    site.setenv(KEY, key_of(google, client_email="gone@fake-project.iam.gserviceaccount.com"))
    code, found = await examine(capsys)
    assert (code, found["token"]["grade"]) == (1, "fail")
    assert "keys list --iam-account=gone@fake-project" in found["token"]["fix"]


async def test_no_credentials_at_all(
    capsys: pytest.CaptureFixture[str], site: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    site.delenv(KEY)
    site.delenv("TRANSCRIPTS_GOOGLE_SPEECH_ENDPOINT")
    site.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(tmp_path / "none.json"))
    code, found = await examine(capsys)
    assert code == 1
    assert "There are no Google credentials" in found["token"]["detail"]
    assert "docs/google.md" in found["token"]["fix"]


async def test_projects_that_are_missing_or_of_somebody_else(
    capsys: pytest.CaptureFixture[str], site: pytest.MonkeyPatch
) -> None:
    site.setenv("GOOGLE_PROJECT_ID", "paying-project")
    code, found = await examine(capsys)
    assert (code, found["key"]["grade"]) == (0, "note")
    assert "paying-project" in found["key"]["detail"]
    site.delenv("GOOGLE_PROJECT_ID")
    code, found = await examine(capsys)
    assert (code, "GOOGLE_PROJECT_ID=" in found["project"]["fix"]) == (1, True)


async def test_buckets_that_are_missing(capsys: pytest.CaptureFixture[str], site: pytest.MonkeyPatch) -> None:
    site.setenv(BUCKET, "gs://not-there")
    code, found = await examine(capsys)
    assert code == 1
    assert (
        "gcloud storage buckets create gs://not-there --project=fake-project --location=US"
        in (found["bucket"]["fix"])
    )
    site.delenv(BUCKET)
    code, found = await examine(capsys)
    assert (code, "TRANSCRIPTS_GOOGLE_BUCKET=gs://" in found["bucket"]["fix"]) == (1, True)


@pytest.mark.parametrize(
    ("call", "step"), [("storage.start", "written"), ("storage.read", "read"), ("storage.delete", "emptied")]
)
async def test_a_bucket_that_we_may_not_use(
    capsys: pytest.CaptureFixture[str], google: FakeGoogle, call: str, step: str
) -> None:
    google.fault(call, code=403, times=-1)
    code, found = await examine(capsys)
    assert (code, found["bucket"]["grade"]) == (1, "fail")
    assert f"cannot be {step}" in found["bucket"]["detail"]
    account = google.service_account()["client_email"]
    assert found["bucket"]["fix"] == (
        f"gcloud storage buckets add-iam-policy-binding gs://work --member=serviceAccount:{account} "
        "--role=roles/storage.objectUser"
    )


async def test_a_bucket_whose_rules_we_may_not_see(
    capsys: pytest.CaptureFixture[str], google: FakeGoogle
) -> None:
    """roles/storage.objectUser does not show a bucket's region and rules."""
    google.fault("storage.bucket", code=403, times=-1)
    code, found = await examine(capsys)
    assert (code, found["bucket"]["grade"]) == (0, "note")
    assert "roles/storage.legacyBucketReader" in found["bucket"]["fix"]
    assert found["agent"]["grade"] == "note"


@pytest.mark.parametrize(
    ("place", "locations", "grade"),
    [
        ("EU", "us", "fail"),
        ("EUROPE-WEST4", "eu,us-central1", "fail"),
        ("EUR4", "eu,europe-west4", "ok"),
        ("NAM4", "us,us-central1", "ok"),
        ("ASIA-SOUTHEAST1", "asia-southeast1", "ok"),
        ("AUSTRALIA-SOUTHEAST1", "us", "fail"),
    ],
)
async def test_buckets_on_another_continent(
    capsys: pytest.CaptureFixture[str],
    site: pytest.MonkeyPatch,
    google: FakeGoogle,
    place: str,
    locations: str,
    grade: str,
) -> None:
    google.bucket("there", location=place, lifecycle=emptied())
    site.setenv(BUCKET, "gs://there")
    site.setenv(LOCATIONS, locations)
    code, found = await examine(capsys)
    assert (code, found["region"]["grade"]) == (int(grade == "fail"), grade)
    if grade == "fail":
        assert "TRANSCRIPTS_GOOGLE_LOCATIONS=" in found["region"]["fix"]


@pytest.mark.parametrize(
    ("lifecycle", "grade", "told"),
    [
        ({}, "fail", "No rule deletes what is left below speech/results/, speech/staged/"),
        (emptied(matchesPrefix=["speech/staged/"]), "fail", "below speech/results/"),
        (emptied(matchesPrefix=["speech"], matchesSuffix=[".flac"]), "fail", "No rule deletes"),
        (emptied(days=0), "fail", "after 0 days what Google may have yet to read"),
        (emptied(days=365), "note", "after 365 days only"),
        (emptied(isLive=True), "ok", "deleted after 7 days"),
    ],
)
async def test_rules_that_do_not_empty_the_bucket(
    capsys: pytest.CaptureFixture[str],
    site: pytest.MonkeyPatch,
    google: FakeGoogle,
    lifecycle: dict[str, Any],
    grade: str,
    told: str,
) -> None:
    google.bucket("ruled", lifecycle=lifecycle)
    site.setenv(BUCKET, "gs://ruled/speech")
    code, found = await examine(capsys)
    assert (found["lifecycle"]["grade"], told in found["lifecycle"]["detail"]) == (grade, True), found
    if grade != "ok":
        assert mended(google, "ruled", found["lifecycle"]["fix"])[-1]["condition"]["age"] == 7
        code, found = await examine(capsys)
    assert (code, found["lifecycle"]["detail"]) == (0, "what is left is deleted after 7 days")


def mended(google: FakeGoogle, bucket: str, fix: str) -> list[dict[str, Any]]:
    """The rules of a fix, given to the bucket as gcloud would."""
    _, document, _, _, gcloud, *arguments = shlex.split(fix.replace("; ", " "))
    assert [gcloud, *arguments[:4]] == ["gcloud", "storage", "buckets", "update", f"gs://{bucket}"]
    lifecycle = json.loads(document)
    url = f"{google.storage_url}/storage/v1/b/{bucket}"
    google.settings(require_auth=False)
    assert httpx.patch(url, json={"lifecycle": lifecycle}, trust_env=False).is_success
    google.settings(require_auth=True)
    rules: list[dict[str, Any]] = lifecycle["rule"]
    return rules


async def test_a_rule_that_deletes_recordings(
    capsys: pytest.CaptureFixture[str], site: pytest.MonkeyPatch, google: FakeGoogle
) -> None:
    """The bucket of the recordings, emptied as if it were Google's alone; the rule of uploads may stay."""
    uploads = {"action": {"type": "Delete"}, "condition": {"age": 8, "matchesPrefix": ["all/uploads/"]}}
    google.bucket("shared", lifecycle={"rule": [uploads, *emptied(9)["rule"]]})
    site.setenv("TRANSCRIPTS_STORAGE_URL", "gs://shared/all")
    site.delenv(BUCKET)
    code, found = await examine(capsys)
    assert (code, "deletes the recordings too, after 9 days" in found["lifecycle"]["detail"]) == (1, True)
    rules = mended(google, "shared", found["lifecycle"]["fix"])
    assert rules[0] == uploads
    assert rules[1]["condition"]["matchesPrefix"] == ["all/results/", "all/staged/"]
    code, found = await examine(capsys)
    assert (code, found["uploads"]["grade"]) == (0, "ok")


@pytest.mark.parametrize(
    ("days", "code", "grade", "told"),
    [
        (None, 0, "note", "No rule deletes uploads that nobody finished, below all/uploads/"),
        (7, 1, "fail", "A rule deletes uploads after 7 days, of which some may still be under way."),
    ],
)
async def test_the_rule_of_uploads_that_nobody_finished(
    capsys: pytest.CaptureFixture[str],
    site: pytest.MonkeyPatch,
    google: FakeGoogle,
    days: int | None,
    code: int,
    grade: str,
    told: str,
) -> None:
    """In the bucket of the recordings: a net below the workers' own sweep, and no net where it takes too soon."""
    rules = emptied(matchesPrefix=["all/results/", "all/staged/"])["rule"]
    if days is not None:
        rules += emptied(days, matchesPrefix=["all/uploads/"])["rule"]
    google.bucket("shared", lifecycle={"rule": rules})
    site.setenv("TRANSCRIPTS_STORAGE_URL", "gs://shared/all")
    site.delenv(BUCKET)
    found_code, found = await examine(capsys)
    assert (found_code, found["uploads"]["grade"], found["lifecycle"]["grade"]) == (code, grade, "ok")
    assert told in found["uploads"]["detail"]
    assert mended(google, "shared", found["uploads"]["fix"])[0] == rules[0]
    found_code, found = await examine(capsys)
    assert (found_code, found["uploads"]["detail"]) == (
        0,
        "those that nobody finished are deleted after 8 days",
    )


@pytest.mark.parametrize("lifecycle", [{}, emptied(1), emptied(4, matchesPrefix=["results/", "up"])])
async def test_one_command_mends_all_rules(
    capsys: pytest.CaptureFixture[str],
    site: pytest.MonkeyPatch,
    google: FakeGoogle,
    lifecycle: dict[str, Any],
) -> None:
    """Each command replaces all rules: of two, one after the other, the second must not undo the first."""
    google.bucket("shared", lifecycle=lifecycle)
    site.setenv("TRANSCRIPTS_STORAGE_URL", "gs://shared")
    site.delenv(BUCKET)
    _, found = await examine(capsys)
    assert found["lifecycle"]["fix"] == found["uploads"]["fix"]
    assert len(mended(google, "shared", found["uploads"]["fix"])) == 2
    assert (await examine(capsys))[0] == 0


@pytest.mark.parametrize(
    ("fault", "told", "fix"),
    [
        (
            {"code": "PERMISSION_DENIED", "reason": "SERVICE_DISABLED"},
            "The API is off in fake-project",
            "gcloud services enable speech.googleapis.com --project=fake-project",
        ),
        ({"code": "PERMISSION_DENIED"}, "Our account may not use it", "--role=roles/speech.editor"),
        ({"code": "UNAUTHENTICATED"}, "Our token is refused", "Make a new key"),
        ({"code": "UNAVAILABLE"}, "cannot be reached", "us-speech.googleapis.com:443"),
        ({"code": "NOT_FOUND"}, "no such project or location", "Correct GOOGLE_PROJECT_ID"),
        ({"code": "INTERNAL"}, "does not do what it should", "Try again"),
    ],
)
async def test_speech_that_refuses(
    capsys: pytest.CaptureFixture[str], google: FakeGoogle, fault: dict[str, Any], told: str, fix: str
) -> None:
    google.fault("ListOperations", times=-1, **fault)
    code, found = await examine(capsys)
    assert (code, found["Speech"]["grade"]) == (1, "fail")
    assert told in found["Speech"]["detail"], found["Speech"]
    assert fix in found["Speech"]["fix"]
    assert found["bucket"]["grade"] == "ok"  # one part does not hide the other


async def test_speech_that_nobody_serves(
    capsys: pytest.CaptureFixture[str], site: pytest.MonkeyPatch
) -> None:
    site.setenv("TRANSCRIPTS_GOOGLE_SPEECH_ENDPOINT", "http://127.0.0.1:1")
    code, found = await examine(capsys)
    assert (code, "cannot be reached" in found["Speech"]["detail"]) == (1, True)


async def test_a_quota_that_is_used_up_is_not_broken(
    capsys: pytest.CaptureFixture[str], google: FakeGoogle
) -> None:
    google.fault("ListOperations", code="RESOURCE_EXHAUSTED", times=-1)
    code, found = await examine(capsys)
    assert (code, found["Speech"]["grade"]) == (0, "note")


async def test_models_that_are_not_in_the_locations(
    capsys: pytest.CaptureFixture[str], site: pytest.MonkeyPatch
) -> None:
    """F21."""
    site.setenv("TRANSCRIPTS_GOOGLE_MODEL", "chirp_2")
    code, found = await examine(capsys)
    assert (code, found["model"]["detail"]) == (0, "chirp_2 is in us-central1")
    site.setenv(LOCATIONS, "us")
    code, found = await examine(capsys)
    assert (code, "us-central1, europe-west4" in found["model"]["fix"]) == (1, True)


async def test_the_service_agent_that_is_not_in_the_policy(
    capsys: pytest.CaptureFixture[str], site: pytest.MonkeyPatch, google: FakeGoogle
) -> None:
    """What cannot be proven for free is said, with the exact grant."""
    google.bucket("alone", agent=False, lifecycle=emptied())
    site.setenv(BUCKET, "gs://alone")
    code, found = await examine(capsys)
    assert (code, found["agent"]["grade"]) == (0, "note")
    assert found["agent"]["fix"] == (
        "gcloud storage buckets add-iam-policy-binding gs://alone --member=serviceAccount:service-"
        "$(gcloud projects describe fake-project --format='value(projectNumber)')"
        "@gcp-sa-speech.iam.gserviceaccount.com --role=roles/storage.objectUser"
    )


async def test_a_bucket_that_keeps_what_is_deleted(
    capsys: pytest.CaptureFixture[str], site: pytest.MonkeyPatch, google: FakeGoogle
) -> None:
    """Google's default."""
    google.bucket("soft", lifecycle=emptied(), softDeletePolicy={"retentionDurationSeconds": "604800"})
    site.setenv(BUCKET, "gs://soft")
    code, found = await examine(capsys)
    assert (code, "another 7 days" in found["deletion"]["detail"]) == (0, True)


async def test_the_stores_need_not_be_set(
    capsys: pytest.CaptureFixture[str], site: pytest.MonkeyPatch
) -> None:
    for name in ("DATABASE_URL", "REDIS_URL", "TRANSCRIPTS_STORAGE_URL"):
        site.delenv(name)
    assert (await examine(capsys))[0] == 0
