"""File names and their header: every script, every system, never a crash."""

from email.message import Message
from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.exports.filenames import content_disposition, file_name


def decoded(header: str) -> str:
    """The file name as a client reads it: `filename*` before `filename`."""
    message = Message()
    message["Content-Disposition"] = header
    for part in header.split("; "):
        if part.startswith("filename*=UTF-8''"):
            return unquote(part.removeprefix("filename*=UTF-8''"))
    return str(message.get_filename())


@pytest.mark.parametrize(
    ("title", "name"),
    [
        ("Ben: two offers / part 1", "Ben two offers part 1.srt"),
        ("王小明的教練談話", "王小明的教練談話.srt"),
        ("../../etc/passwd", "etc passwd.srt"),
        ("a\r\nSet-Cookie: x", "a Set-Cookie x.srt"),
        ("evil\u202egpj.exe", "evilgpj.exe.srt"),
        ("CON", "_CON.srt"),
        ("nul.txt", "_nul.txt.srt"),
        ("   ...  ", "transcript.srt"),
        ("", "transcript.srt"),
        ("Cafe\u0301", "Café.srt"),
        ("नम\u200cस्ते", "नम\u200cस्ते.srt"),
    ],
)
def test_a_title_becomes_a_safe_name(title: str, name: str) -> None:
    assert file_name(title, "srt") == name


def test_a_long_title_is_cut_between_characters() -> None:
    assert file_name("漢" * 300, "vtt") == "漢" * 60 + ".vtt"


def test_a_chinese_title_does_not_crash_the_download() -> None:
    """F28: the header is Latin-1 whatever the title is, and the real name arrives."""
    header = content_disposition("王小明的教練談話.srt")
    assert header.startswith("attachment; filename=\"transcript.srt\"; filename*=UTF-8''%E7%8E%8B")
    assert decoded(header.encode("latin-1").decode("latin-1")) == "王小明的教練談話.srt"


def test_accents_become_look_alikes_for_old_clients() -> None:
    assert (
        content_disposition("Café José.txt")
        == "attachment; filename=\"Cafe Jose.txt\"; filename*=UTF-8''Caf%C3%A9%20Jos%C3%A9.txt"
    )


def test_a_plain_name_needs_no_encoding() -> None:
    assert content_disposition("session 1.csv") == 'attachment; filename="session 1.csv"'


@given(st.text())
def test_any_title_survives_the_way_through_the_header(title: str) -> None:
    """F28, as a property: no title breaks the header, splits it, or arrives as another name."""
    name = file_name(title, "json")
    header = content_disposition(name)
    assert header.isascii()
    assert header.isprintable()
    assert decoded(header) == name
    assert len(name.encode()) < 200
