"""The Blueprints for Render: nothing that Render does not know, nothing that we do not have, no secret written down."""

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from shared.settings import WorkerSettings, known_settings
from tests.fixtures import dockerfiles
from tests.fixtures.dockerfiles import has_module
from tests.fixtures.platforms import api_paths, assert_runs, required, secrets
from tests.fixtures.repository import ROOT, name

APART = ROOT / "render.yaml"
COMBINED = ROOT / "deploy" / "render" / "combined.yaml"
SCHEMA = Path(__file__).parent / "schemas" / "render.json"
BLUEPRINTS = pytest.mark.parametrize("blueprint", [APART, COMBINED], ids=name)
RUNS = {"transcripts-api": ("api",), "transcripts-worker": ("worker",), "transcripts": ("api", "worker")}
EVERYWHERE = "0.0.0.0"  # noqa: S104  (what a container binds)
PLACES = {"GOOGLE_PROJECT_ID", "TRANSCRIPTS_STORAGE_URL"}  # no secrets, and everybody's own

Json = dict[str, Any]


def read(blueprint: Path) -> Json:
    found: Json = yaml.safe_load(blueprint.read_text())
    return found


def services(document: Json, *kinds: str) -> dict[str, Json]:
    return {each["name"]: each for each in document["services"] if each["type"] in kinds}


def variables(document: Json, service: Json) -> dict[str, Json]:
    """A service's environment, those of its groups included, by name."""
    groups = {group["name"]: group["envVars"] for group in document.get("envVarGroups", [])}
    found: dict[str, Json] = {}
    for each in service["envVars"]:
        for entry in groups[each["fromGroup"]] if "fromGroup" in each else [each]:
            assert entry["key"] not in found
            found[entry["key"]] = entry
    return found


def refusals(document: Json) -> list[str]:
    """What the schema says against it."""
    schema = json.loads(SCHEMA.read_text())
    from jsonschema import Draft202012Validator  # noqa: PLC0415  (a second, which no other test needs)

    Draft202012Validator.check_schema(schema)
    return [str(error) for error in Draft202012Validator(schema).iter_errors(document)]


@BLUEPRINTS
def test_a_blueprint_has_no_field_that_render_does_not_know(blueprint: Path) -> None:
    assert refusals(read(blueprint)) == []


MISTAKES: list[Callable[[Json], Any]] = [
    lambda document: document.update(service=[]),
    lambda document: document["services"][0].update(env="docker"),
    lambda document: document["services"][0].update(maxShutdownDelaySeconds=301),
    lambda document: document["services"][1].update(healthCheckPath="/healthz"),  # of web services alone
    lambda document: document["services"][1].update(plan="free"),
    lambda document: document["services"][2].update(maxmemoryPolicy="no-eviction"),
    lambda document: document["services"][2].pop("ipAllowList"),
    lambda document: document["databases"][0].update(postgresMajorVersion=17),
    lambda document: document["envVarGroups"][0]["envVars"].append({"key": "A_SECRET", "sync": False}),
    lambda document: document["services"][0]["envVars"].append({"key": "MAX_JOBS", "value": 50}),
    lambda document: document["services"][0]["envVars"].append({"key": "A", "value": "b", "sync": False}),
]


@pytest.mark.parametrize("mistake", MISTAKES)
def test_the_schema_finds_mistakes(mistake: Callable[[Json], Any]) -> None:
    document = copy.deepcopy(read(APART))
    mistake(document)
    assert refusals(document)


@BLUEPRINTS
def test_every_variable_is_a_setting_and_all_that_are_needed_are_there(blueprint: Path) -> None:
    """F37."""
    document = read(blueprint)
    for label, service in services(document, "web", "worker").items():
        given = variables(document, service)
        assert set(given) <= known_settings()
        for kind in RUNS[label]:
            assert required(kind) <= set(given)
        assert "TRANSCRIPTS_PEPPER" in given


@BLUEPRINTS
def test_secrets_come_from_render_alone(blueprint: Path) -> None:
    """F39."""
    document = read(blueprint)
    for service in services(document, "web", "worker").values():
        for key, entry in variables(document, service).items():
            assert ("value" in entry) <= (key not in secrets() | PLACES), key


@BLUEPRINTS
def test_every_reference_leads_to_something_in_the_file(blueprint: Path) -> None:
    document = read(blueprint)
    databases = {each["name"] for each in document["databases"]}
    for service in services(document, "web", "worker").values():
        for entry in variables(document, service).values():
            if "fromDatabase" in entry:
                assert entry["fromDatabase"]["name"] in databases
            if "fromService" in entry:
                wanted = entry["fromService"]
                other = services(document, wanted["type"])[wanted["name"]]
                if "envVarKey" in wanted:
                    assert wanted["envVarKey"] == entry["key"]
                    assert (
                        not {"fromService", "fromDatabase"} & variables(document, other)[entry["key"]].keys()
                    )
                else:
                    assert (wanted["type"], wanted["property"]) == ("keyvalue", "connectionString")


@BLUEPRINTS
def test_what_it_builds_runs_and_probes_is_there(blueprint: Path) -> None:
    """F36, F38."""
    document = read(blueprint)
    for label, service in services(document, "web", "worker").items():
        dockerfile = ROOT / service["dockerfilePath"]
        assert_runs(dockerfiles.command(dockerfile), dockerfile)
        assert all(has_module(dockerfile, f"{kind}_service") for kind in RUNS[label])
        if service["type"] == "web":
            assert_runs(service["preDeployCommand"], dockerfile)
            assert service["preDeployCommand"].endswith("deploy.migrations upgrade")
            assert service["healthCheckPath"] in api_paths()
            assert dockerfiles.settings(dockerfile)["TRANSCRIPTS_HOST"] == EVERYWHERE


@BLUEPRINTS
def test_what_goes_into_an_image_and_no_more_has_it_built(blueprint: Path) -> None:
    for service in services(read(blueprint), "web", "worker").values():
        dockerfile = ROOT / service["dockerfilePath"]
        sources = {f"{each}**" if each.endswith("/") else each for each in dockerfiles.taken(dockerfile)}
        assert service["buildFilter"]["paths"] == sorted({*sources, name(dockerfile)})


@BLUEPRINTS
def test_the_stores_are_closed_and_the_queue_is_not_evicted(blueprint: Path) -> None:
    """F4, F43."""
    document = read(blueprint)
    (queue,) = services(document, "keyvalue").values()
    assert queue["maxmemoryPolicy"] == "noeviction"
    assert queue["plan"] != "free"  # which forgets at every restart
    assert [store["ipAllowList"] for store in (queue, *document["databases"])] == [[], []]
    everything = [*document["services"], *document["databases"]]
    assert len({each["region"] for each in everything}) == 1


@BLUEPRINTS
def test_a_stop_has_the_time_that_it_takes(blueprint: Path) -> None:
    """F10."""
    drain = WorkerSettings.model_fields["drain_seconds"].default
    for service in services(read(blueprint), "web", "worker").values():
        assert service["maxShutdownDelaySeconds"] >= drain + 3


def test_workers_are_scaled_by_others_than_the_file() -> None:
    """A sync would put back what people or the scaler have set."""
    (worker,) = services(read(APART), "worker").values()
    assert not {"numInstances", "scaling"} & worker.keys()
