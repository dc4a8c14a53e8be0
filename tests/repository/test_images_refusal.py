"""`make images-test` where it cannot run: one clear sentence, and nothing is built."""

import os

import pytest

from tests.images import __main__ as images


def test_a_machine_without_the_tools_is_told_what_to_install(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    monkeypatch.setattr(images, "_ELSEWHERE", "/nowhere")
    assert images.main() == 1
    said = capsys.readouterr().err
    assert said.startswith("No image was built: this machine lacks buildah, podman, runc, mmdebstrap")
    assert "apt-get install" in said


def test_who_is_not_root_is_told_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(images, "TOOLS", {})
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert "by root" in str(images.refusal())
