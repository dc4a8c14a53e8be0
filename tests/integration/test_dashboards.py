"""Whatever dashboards and alerts ask for, the services really tell: asked of both, with a job done and one failed."""

import json
import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import promql_parser as promql
import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from deploy.local.processes import free_port
from tests.fakes.google.environment import google_settings
from tests.fakes.google.process import FakeGoogle
from tests.fixtures.both_services import a_site
from tests.fixtures.repository import ROOT, fences

pytest_plugins = ("tests.fakes.google.fixtures",)

DASHBOARDS = ROOT / "deploy" / "grafana" / "dashboards"
ADDED = {"instance", "job"}  # by Prometheus, to whatever it scrapes
Exposed = dict[str, set[str]]


def panels() -> Iterator[tuple[str, Any]]:
    for path in sorted(DASHBOARDS.glob("*.json")):
        for panel in json.loads(path.read_text())["panels"]:
            if panel["type"] != "row":
                yield f"{path.stem}: {panel['title']}", panel


def queries() -> Iterator[tuple[str, str, str]]:
    """Where it stands, the expression, and the legend."""
    for title, panel in panels():
        for target in panel["targets"]:
            yield title, target["expr"].replace("$__rate_interval", "5m"), target["legendFormat"]
    for block in fences(ROOT / "docs" / "metrics.md", "promql"):
        for line in block.splitlines():
            if not line.startswith("#"):
                yield "docs/metrics.md", line, ""
    for rule in yaml.safe_load((ROOT / "deploy/prometheus/alerts.yaml").read_text())["groups"][0]["rules"]:
        yield rule["alert"], rule["expr"], rule["annotations"]["summary"].replace("$labels.", "")


def asked(expression: str) -> Exposed:
    """The metrics that an expression names, with the labels by which it selects them or parts them."""
    found: Exposed = defaultdict(set)
    by: list[list[str]] = []

    def enter(node: Any) -> bool:
        if isinstance(node, promql.AggregateExpr):
            by.append(node.modifier.labels if node.modifier else [])
        if isinstance(node, promql.VectorSelector):
            found[str(node.name)] |= {matcher.name for matcher in node.matchers.matchers}.union(*by)
        return True

    def leave(node: Any) -> bool:
        if isinstance(node, promql.AggregateExpr):
            by.pop()
        return True

    promql.walk(promql.parse(expression), enter, leave)
    return found


def exposed(text: str) -> Exposed:
    """The samples' names, with all labels that they have."""
    found: Exposed = defaultdict(set)
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            found[sample.name] |= set(sample.labels)
    return found


async def scrape(url: str) -> str:
    async with httpx.AsyncClient() as http:
        answer = await http.get(f"{url}/metrics")
    assert answer.status_code == 200
    return answer.text


async def test_every_metric_and_label_that_is_asked_for_is_told(
    database_url: str, redis_url: str, tmp_path: Path, google: FakeGoogle
) -> None:
    google.settings(operation_ms=0)
    port = free_port()
    settings = {**google_settings(google), "TRANSCRIPTS_ENGINES": "scripted,google"}
    async with a_site(database_url, redis_url, tmp_path) as site:
        await site.start_api(**settings)
        async with site.worker(**settings, TRANSCRIPTS_HEALTH_PORT=str(port)):
            fine = await site.send("", engine="google")
            broken = await site.send("fail=engine_failed")
            assert (await site.ended(fine))["status"] == "succeeded"
            assert (await site.ended(broken))["status"] == "failed"
            assert site.api is not None
            told = await scrape(f"http://127.0.0.1:{port}")
            found = exposed(await scrape(site.api.url) + told)
    for where, expression, _ in queries():
        for name, labels in asked(expression).items():
            assert name in found, f"{where} asks for {name}, which nobody tells"
            missing = labels - found[name] - ADDED
            assert not missing, f"{where} asks {name} for {missing}; it has {found[name]}"
    assert 'transcripts_failures_total{code="engine_failed",engine="scripted",outcome="failed"} 1.0' in told
    assert re.search(r'wait_seconds_count\{engine="google"\} 1\.0', told)
    for phase in ("preparing", "uploading", "submitting", "transcribing", "saving"):
        assert f'transcripts_phase_seconds_count{{engine="google",phase="{phase}"}} 1.0' in told
    assert (
        'transcripts_failures_total{code="engine_misconfigured",engine="google",outcome="failed"} 0.0' in told
    )
    for quota in ("operations", "batches"):
        assert f'transcripts_google_call_wait_seconds_count{{location="us",quota="{quota}"}}' in told


def test_the_reader_of_expressions_sees_names_and_labels() -> None:
    """The test above looks at something."""
    found = asked('sum by (le) (rate(a_bucket{x="1"}[5m])) / on () group_left () max by (y) (b)')
    assert found == {"a_bucket": {"le", "x"}, "b": {"y"}}
    assert len(list(queries())) > 50


@pytest.mark.parametrize(
    ("title", "panel"), list(panels()), ids=lambda value: value if isinstance(value, str) else ""
)
def test_a_panel_can_be_read(title: str, panel: Any) -> None:
    """A unit, a query of the chosen source, and a legend made of labels that the query leaves."""
    assert panel["fieldConfig"]["defaults"]["unit"]
    assert {target["datasource"]["uid"] for target in panel["targets"]} == {"${datasource}"}
    ids = [each["id"] for _, each in panels()]
    assert ids.count(panel["id"]) == 1
    for target in panel["targets"]:
        labels = asked(target["expr"].replace("$__rate_interval", "5m")).values()
        left = set[str]().union(*labels)
        assert set(re.findall(r"\{\{(\w+)\}\}", target["legendFormat"])) <= left | ADDED | {"what"}


def test_panels_do_not_overlap() -> None:
    for path in DASHBOARDS.glob("*.json"):
        taken: set[tuple[int, int]] = set()
        for panel in json.loads(path.read_text())["panels"]:
            at = panel["gridPos"]
            cells = {
                (x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])
            }
            assert not taken & cells, panel["title"]
            assert at["x"] + at["w"] <= 24
            taken |= cells


def test_provisioning_files_are_read_as_grafana_reads_them() -> None:
    folder = ROOT / "deploy" / "grafana" / "provisioning"
    [source] = yaml.safe_load((folder / "datasources" / "prometheus.yaml").read_text())["datasources"]
    assert (source["type"], source["isDefault"]) == ("prometheus", True)
    [provider] = yaml.safe_load((folder / "dashboards" / "transcripts.yaml").read_text())["providers"]
    assert provider["type"] == "file"
    jobs = yaml.safe_load((ROOT / "deploy" / "prometheus" / "prometheus.yaml").read_text())["scrape_configs"]
    assert {job["job_name"] for job in jobs} == {"transcripts-api", "transcripts-worker"}
