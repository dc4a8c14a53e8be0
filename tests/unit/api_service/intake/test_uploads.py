"""An upload on its way in: what is refused, when, and what was read by then."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from api_service.intake.uploads import Upload
from shared.errors import (
    EmptyUploadError,
    InvalidRequestError,
    TooLargeError,
    TranscriptsError,
    UnsupportedMediaError,
    UnsupportedOptionError,
    UploadStalledError,
)
from shared.schemas.orders import SessionForm
from tests.fixtures.audio import tone_wav

WAV = tone_wav(0.3)


def part(name: str, content: bytes | str, filename: str | None = None) -> bytes:
    data = content.encode() if isinstance(content, str) else content
    file = f'; filename="{filename}"' if filename is not None else ""
    return f'--b\r\nContent-Disposition: form-data; name="{name}"{file}\r\n\r\n'.encode() + data + b"\r\n"


AUDIO = part("audio", WAV, "call.wav")
END = b"--b--\r\n"


class Wire:
    """A body that counts how much of it was read."""

    def __init__(self, *pieces: bytes, chunk: int = 1000) -> None:
        self._body = b"".join(pieces)
        self._chunk = chunk
        self.read = 0

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while self.read < len(self._body):
            at = self.read
            self.read += self._chunk
            yield self._body[at : at + self._chunk]


def upload(wire: Wire, *, max_bytes: int = 10**6, refuse_engine: str | None = None) -> Upload:
    def check(form: SessionForm) -> None:
        if refuse_engine and form.engine == refuse_engine:
            raise UnsupportedOptionError

    return Upload(aiter(wire), b"b", max_bytes=max_bytes, check=check)


async def take(
    wire: Wire, *, max_bytes: int = 10**6, refuse_engine: str | None = None
) -> tuple[Upload, bytes]:
    taken = upload(wire, max_bytes=max_bytes, refuse_engine=refuse_engine)
    await taken.open()
    return taken, b"".join([chunk async for chunk in taken.recording()])


@pytest.mark.parametrize("chunk", [7, 1000, 10**6])
async def test_fields_may_stand_before_and_after_the_file(chunk: int) -> None:
    wire = Wire(
        part("title", "Täglich"), AUDIO, part("language", "zh-TW"), part("speakers", "3"), END, chunk=chunk
    )
    taken, data = await take(wire)
    assert data == WAV
    assert (taken.filename, taken.container.name) == ("call.wav", "wav")
    assert (taken.form.title, taken.form.language, taken.form.speakers) == ("Täglich", "zh-TW", 3)


@pytest.mark.parametrize("size", [1, 4095, 4096, 4097, 20_000])
async def test_a_recording_of_any_size_comes_through_whole(size: int) -> None:
    data = (b"fLaC" + bytes(range(256)) * 100)[: max(size, 4)]
    _, got = await take(Wire(part("audio", data, "x"), END))
    assert got == data


@pytest.mark.parametrize(
    ("texts", "phrases"),
    [
        ([], []),
        (["Ana"], ["Ana"]),
        (["Ana", " Núñez "], ["Ana", "Núñez"]),
        (['["Ana", "OKR [sic]"]'], ["Ana", "OKR [sic]"]),
        (["", "Ana"], ["Ana"]),
    ],
)
async def test_phrases_come_one_by_one_or_as_json(texts: list[str], phrases: list[str]) -> None:
    taken, _ = await take(Wire(*(part("phrases", text) for text in texts), AUDIO, END))
    assert taken.form.phrases == phrases


async def test_an_empty_field_is_one_that_was_left_out() -> None:
    taken, _ = await take(Wire(part("title", ""), part("speakers", ""), part("language", " "), AUDIO, END))
    assert taken.form == SessionForm()


WRONG: list[tuple[str, bytes, type[TranscriptsError], str]] = [
    ("no audio", part("title", "x") + END, InvalidRequestError, "`audio`: is missing"),
    ("no part at all", END, InvalidRequestError, "`audio`: is missing"),
    ("audio as text", part("audio", "call.wav") + END, InvalidRequestError, "needs the @"),
    ("audio twice", AUDIO + AUDIO + END, InvalidRequestError, "`audio`: is given twice"),
    ("empty file", part("audio", b"", "x.wav") + END, EmptyUploadError, "empty"),
    ("a PDF", part("audio", b"%PDF-1.7 ...", "x.wav") + END, UnsupportedMediaError, "a PDF document"),
    ("a page", part("audio", "<!DOCTYPE html>", "x.mp3") + END, UnsupportedMediaError, "a web page"),
    ("cut off", AUDIO[:500], InvalidRequestError, "cut off"),
    ("cut off at the end", AUDIO, InvalidRequestError, "cut off"),
    ("misspelt before", part("lang", "en") + AUDIO + END, InvalidRequestError, "did you mean `language`"),
    ("misspelt after", AUDIO + part("titel", "x") + END, InvalidRequestError, "did you mean `title`"),
    (
        "file misspelt",
        part("file", WAV, "x.wav") + END,
        InvalidRequestError,
        "`file`: there is no such field",
    ),
    (
        "twice",
        part("title", "a") + AUDIO + part("title", "b") + END,
        InvalidRequestError,
        "`title`: is given twice",
    ),
    ("a file as text", part("title", "a", "x.txt") + AUDIO + END, InvalidRequestError, "not a file"),
    ("long field", part("title", "a" * 20_000) + AUDIO + END, InvalidRequestError, "longer than 16384 bytes"),
    (
        "long fields",
        b"".join(part("phrases", "a" * 16_000) for _ in range(9)) + AUDIO + END,
        InvalidRequestError,
        "the fields take more than",
    ),
    ("many phrases", part("phrases", "a") * 501 + AUDIO + END, InvalidRequestError, "more than 500 times"),
    ("no UTF-8", part("title", b"\xff\xfe") + AUDIO + END, InvalidRequestError, "must be UTF-8"),
    ("a url", part("source_url", "https://x") + END, InvalidRequestError, "stands in a JSON body"),
    ("wrong engine", AUDIO + part("engine", "nope") + END, UnsupportedOptionError, "engine"),
]


@pytest.mark.parametrize(
    ("body", "error", "words"), [case[1:] for case in WRONG], ids=[case[0] for case in WRONG]
)
async def test_a_wrong_form_is_refused(body: bytes, error: type[TranscriptsError], words: str) -> None:
    """F21, F37: nothing that was said is silently dropped."""
    with pytest.raises(error) as caught:
        await take(Wire(body), refuse_engine="nope")
    assert type(caught.value) is error
    assert words in caught.value.detail


WRONG_VALUES = [
    ("speakers", "0", "greater than or equal to 1"),
    ("speakers", "9", "less than or equal to 8"),
    ("speakers", "two", "valid integer"),
    ("diarization", "perhaps", "valid boolean"),
    ("language", "english!", "should match pattern"),
    ("title", "a\nb", "control characters"),
    ("title", "a\0b", "control characters"),
    ("title", "a" * 201, "at most 200"),
    ("priority", "urgent", "'high', 'normal' or 'low'"),
    ("processing", "cheap", "'standard' or 'economy'"),
    ("metadata", "[1]", "valid dictionary"),
    ("metadata", "{", "is not JSON"),
    ("metadata", '{"a": NaN}', "plain JSON"),
    ("metadata", '{"a": "\\u0000"}', "U+0000"),
    ("metadata", '{"a": "\\ud800"}', "plain JSON"),
    ("metadata", '{"a": "' + "x" * 9000 + '"}', "at most 8192 bytes"),
    ("metadata", "[" * 8000, "is not JSON"),
    ("phrases", "[1]", "valid string"),
    ("phrases", "[", "is not JSON"),
    ("delete_after", "tomorrow", "such as P30D"),
    ("delete_after", "2020-01-01T00:00:00Z", "in the future"),
    ("delete_after", "2099-01-01T00:00:00", "with its zone"),
    ("delete_after", "-P1D", "in the future"),
    ("delete_after", "P999999999D", "such as P30D"),
    ("model", "a model", "should match pattern"),
    ("engine", "../x", "should match pattern"),
]


@pytest.mark.parametrize(("name", "value", "words"), WRONG_VALUES)
async def test_a_wrong_value_is_refused_by_name(name: str, value: str, words: str) -> None:
    for order in ([part(name, value), AUDIO], [AUDIO, part(name, value)]):
        with pytest.raises(InvalidRequestError) as caught:
            await take(Wire(*order, END))
        (found,) = caught.value.extra["errors"]
        assert found["where"].startswith(f"the form field `{name}")
        assert words in found["detail"]


async def test_every_wrong_field_is_told_at_once() -> None:
    with pytest.raises(InvalidRequestError) as caught:
        await take(Wire(part("speakers", "99"), part("language", "?"), AUDIO, END))
    assert len(caught.value.extra["errors"]) == 2
    assert "(and 1 more)" in caught.value.detail


async def test_a_wrong_field_before_the_file_costs_no_upload() -> None:
    wire = Wire(part("speakers", "99"), part("audio", WAV * 100, "x.wav"), END)
    with pytest.raises(InvalidRequestError):
        await upload(wire).open()
    assert wire.read <= 2000


async def test_what_is_no_recording_is_refused_at_its_first_bytes() -> None:
    wire = Wire(part("audio", b"%PDF-1.7" + bytes(10**6), "x.wav"), END)
    with pytest.raises(UnsupportedMediaError):
        await upload(wire).open()
    assert wire.read <= 6000


async def test_a_recording_over_the_limit_is_refused_where_it_passes_it() -> None:
    wire = Wire(part("audio", WAV * 100, "x.wav"), END)
    with pytest.raises(TooLargeError, match="limit of 20000 bytes"):
        await take(wire, max_bytes=20_000)
    assert wire.read <= 22_000
    await take(Wire(part("audio", WAV, "x.wav"), END), max_bytes=len(WAV))


async def test_a_name_loses_its_control_characters_and_nothing_else() -> None:
    taken, _ = await take(Wire(part("audio", WAV, "../../etc/\x07pass\u200cwd 會.wav"), END))
    assert taken.filename == "../../etc/pass\u200cwd 會.wav"


async def test_a_client_that_falls_silent_is_given_up() -> None:
    async def silent() -> AsyncIterator[bytes]:
        yield AUDIO[:100]
        await asyncio.Event().wait()

    taken = Upload(silent(), b"b", max_bytes=10**6, check=lambda _form: None, stall_s=0.01)
    with pytest.raises(UploadStalledError):
        await taken.open()
