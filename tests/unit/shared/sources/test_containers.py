"""What a file is, told from its first bytes (F23)."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.sources.containers import CONTAINERS, HEAD_BYTES, by_name, describe, sniff
from tests.fixtures.media import FORMATS, encode, make, video, wav

KINDS = {
    "a.wav": "wav", "long.w64": "wav", "float.wav": "wav", "a.mp3": "mp3", "a.m4a": "mp4", "alac.m4a": "mp4",
    "a.mp4": "mp4", "a.mov": "mov", "a.3gp": "mp4", "opus.ogg": "ogg", "flac.ogg": "ogg", "a.webm": "webm",
    "a.mka": "webm", "a.flac": "flac", "a.aac": "aac", "a.amr": "amr", "a.aiff": "aiff", "a.caf": "caf",
}  # fmt: skip


@pytest.mark.parametrize("name", FORMATS)
def test_what_the_worker_reads_the_api_lets_in(tmp_path: Path, name: str) -> None:
    data = make(tmp_path, name, seconds=0.2).read_bytes()
    found = sniff(data[:HEAD_BYTES])
    assert found is not None
    assert found.name == KINDS[name]
    assert by_name(found.name) is found


def test_a_film_and_a_browser_s_recording_are_let_in(tmp_path: Path) -> None:
    film = video(tmp_path / "a.mp4", with_sound=False).read_bytes()
    browser = encode(tmp_path / "b", "webm", "libopus", 48_000, seconds=0.2, unseekable=True).read_bytes()
    for data, name in ((film, "mp4"), (browser, "webm")):
        found = sniff(data[:HEAD_BYTES])
        assert found is not None
        assert found.name == name


@pytest.mark.parametrize("name", ["a.mp3", "a.aac", "a.flac"])
@pytest.mark.parametrize("size", [100, 10_000], ids=["short tag", "tag with a picture"])
def test_a_tag_before_the_sound_does_not_hide_it(tmp_path: Path, name: str, size: int) -> None:
    """ID3v2: sizes are four times seven bits. Behind a long one, what is most common is assumed."""
    data = make(tmp_path, name, seconds=0.2).read_bytes()
    if name == "a.mp3":
        data = data[10 + _tag_size(data) :]
    tag = b"ID3\x04\x00\x00" + bytes((size >> shift) & 0x7F for shift in (21, 14, 7, 0)) + bytes(size)
    found = sniff((tag + data)[:HEAD_BYTES])
    assert found is not None
    assert found.name == (KINDS[name] if size < HEAD_BYTES else "mp3")


def _tag_size(data: bytes) -> int:
    return sum(byte << shift for byte, shift in zip(data[6:10], (21, 14, 7, 0), strict=True))


@pytest.mark.parametrize(
    ("head", "what"),
    [
        (b"", "an empty file"),
        (b"Dear coach,\nit went well.", "a text file"),
        ("Täglich 你好 \N{SMILING FACE WITH OPEN MOUTH}".encode(), "a text file"),
        ("Ten thousand words. ".encode("utf-16"), "a text file"),
        ("Ten thousand words. ".encode("utf-16-be"), "a file of unknown kind"),
        ("你好".encode() * 2000, "a text file"),
        (b"\xef\xbb\xbf{}", "a JSON document"),
        (b' [{"a": 1}]', "a JSON document"),
        (b"<?xml version='1.0'?><a/>", "an XML document"),
        (b"\n<!DOCTYPE html><html>", "a web page"),
        (b"WEBVTT\n\n00:00.000 --> 00:01.000\nHello", "a text file"),
        (b"%PDF-1.7", "a PDF document"),
        (b"\x89PNG\r\n\x1a\n", "a PNG picture"),
        (b"\xff\xd8\xff\xe0\x00\x10JFIF", "a JPEG picture"),
        (b"PK\x03\x04\x14\x00", "a ZIP archive (or a document in one, such as docx or xlsx)"),
        (b"\x1f\x8b\x08", "a gzip archive"),
        (b"#EXTM3U\n", "a playlist"),
        (b"\x7fELF\x02", "a program"),
        (b"\x30\x26\xb2\x75\x8e\x66\xcf\x11", "a Windows Media file, which is not supported"),
        (b"RIFF\x00\x00\x00\x00AVI LIST", "a file of unknown kind"),
        (bytes(64), "a file of unknown kind"),
        (b"\x00\x01\x02\x03", "a file of unknown kind"),
    ],
)
def test_what_is_no_recording_is_named(head: bytes, what: str) -> None:
    head = head[:HEAD_BYTES]
    assert sniff(head) is None
    assert describe(head) == what


def test_the_first_bytes_do_for_a_recording_of_any_length() -> None:
    """A few bytes are enough to tell, and none is taken for something by being short."""
    assert sniff(wav(b"")) is not None
    for size in range(4):
        assert sniff(wav(b"")[:size]) is None


@given(st.binary(max_size=200))
def test_no_bytes_are_too_strange(head: bytes) -> None:
    found = sniff(head)
    assert found is None or found in CONTAINERS
    assert describe(head).startswith(("a ", "an "))


@given(st.text(max_size=100), st.sampled_from(["utf-8", "utf-16", "utf-16-le", "utf-32"]))
def test_no_text_is_taken_for_a_recording(text: str, encoding: str) -> None:
    """Unless it begins like one: "RIFF....WAVE" or "OggS" is what it says."""
    data = text.encode(encoding, errors="ignore")
    if not text.startswith(("RIFF", "RF64", "OggS", "fLaC", "FORM", "#!AMR", "ID3", "caff")) and text[4:8] not in {
        "ftyp", "moov", "mdat", "wide", "free", "skip", "pnot",
    }:  # fmt: skip
        assert sniff(data) is None
