"""Alerts fire when they should and not else, and each tells what to do."""

import re
import shutil
import subprocess
from typing import Any

import pytest
import yaml

from shared import errors
from tests.fixtures.promql import Series, firing
from tests.fixtures.repository import ROOT

FOLDER = ROOT / "deploy" / "prometheus"
[GROUP] = yaml.safe_load((FOLDER / "alerts.yaml").read_text())["groups"]
RULES: list[Any] = GROUP["rules"]
SCENARIOS: list[Any] = yaml.safe_load((FOLDER / "alerts.test.yaml").read_text())["tests"]
RUNBOOK = (ROOT / "docs" / "runbook.md").read_text()
SECTIONS = dict(re.findall(r"^### (Transcripts\w+)\n(.*?)(?=^##|\Z)", RUNBOOK, re.M | re.S))


def expected(scenario: Any) -> dict[str, int]:
    [test] = scenario["promql_expr_test"]
    return {
        re.findall(r'alertname="(\w+)"', sample["labels"])[0]: sample["value"]
        for sample in test["exp_samples"]
    }


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario["name"])
def test_what_is_to_fire_fires(scenario: Any) -> None:
    series = [Series.of(each["series"], each["values"]) for each in scenario["input_series"]]
    minute = int(scenario["promql_expr_test"][0]["eval_time"].removesuffix("m"))
    assert firing(RULES, series, minute) == expected(scenario)


def test_every_alert_fires_somewhere_and_is_silent_where_all_is_well() -> None:
    assert {name for scenario in SCENARIOS for name in expected(scenario)} == {r["alert"] for r in RULES}
    assert {series["series"].partition("{")[0] for series in SCENARIOS[0]["input_series"]} >= {
        name for rule in RULES for name in re.findall(r"transcripts_\w+", rule["expr"])
    }


@pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool is not installed")
@pytest.mark.parametrize("arguments", ["check rules alerts.yaml", "test rules alerts.test.yaml"])
def test_promtool_says_the_same(arguments: str) -> None:
    """The real evaluation, of the same series."""
    done = subprocess.run(
        ["promtool", *arguments.split()], cwd=FOLDER, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule["alert"])
def test_every_alert_tells_what_to_do(rule: Any) -> None:
    assert rule["annotations"]["runbook_url"] == f"docs/runbook.md#{rule['alert'].lower()}"
    assert rule["annotations"]["summary"]
    assert rule["annotations"]["description"]
    assert rule["labels"]["severity"] in {"page", "ticket"}
    section = SECTIONS[rule["alert"]]
    for part in ("**Means.**", "**Look.**", "**Do.**"):
        assert part in section


def test_the_runbook_has_no_alert_that_is_none() -> None:
    assert set(SECTIONS) == {rule["alert"] for rule in RULES}


def test_the_runbook_has_every_code_with_which_a_job_fails() -> None:
    """And says of the same ones as the code that they pass."""
    rows = [line.split("|")[1:3] for line in RUNBOOK.split("## How jobs fail")[1].splitlines() if "|" in line]
    told = {
        code: means.strip().startswith("passes")
        for names, means in rows
        for code in re.findall("`(.*?)`", names)
    }
    of_jobs = (
        "media_",
        "source_",
        "engine_",
        "storage_",
        "object_missing",
        "budget_",
        "attempts_",
        "unsupported_option",
    )
    named = [getattr(errors, name) for name in dir(errors) if name.endswith("Error")]
    known = {error.code: error.transient for error in named}
    wanted = {code: passes for code, passes in known.items() if code.startswith(of_jobs)}
    assert told == wanted | {"internal": True}
