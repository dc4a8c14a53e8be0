"""The files of others: each is listed with where it is from, its licence lies beside it, and no byte has changed."""

import hashlib
import tomllib
from pathlib import Path

CONSOLE = Path(__file__).parents[4] / "api_service" / "console"
VENDOR = CONSOLE / "static" / "vendor"
LISTED = tomllib.loads((CONSOLE / "vendored.toml").read_text())["file"]


def test_every_file_is_listed_and_none_has_changed() -> None:
    hashes = {p.name: hashlib.sha256(p.read_bytes()).hexdigest() for p in VENDOR.iterdir() if p.is_file()}
    assert hashes == {each["name"]: each["sha256"] for each in LISTED}


def test_every_licence_lies_beside_it() -> None:
    for each in LISTED:
        assert (VENDOR / "licences" / each["text"]).read_text().strip()
        assert each["licence"] in {"0BSD", "MIT"}
        assert each["version"]
