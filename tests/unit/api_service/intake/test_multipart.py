"""Multipart forms as a stream of events: any cut of the bytes gives the same parts."""

from collections.abc import AsyncIterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api_service.intake.multipart import Mark, PartBegin, boundary_of, read_parts
from shared.errors import InvalidRequestError, UnsupportedMediaError

BOUNDARY = b"frontier"


async def cut(body: bytes, *sizes: int) -> AsyncIterator[bytes]:
    at = 0
    for size in sizes:
        yield body[at : at + size]
        at += size
    yield body[at:]


async def parts(body: bytes, *sizes: int) -> list[tuple[str, str | None, bytes]]:
    """(name, file name, content) of every part."""
    found: list[tuple[str, str | None, bytes]] = []
    async for event in read_parts(cut(body, *sizes), BOUNDARY):
        if isinstance(event, PartBegin):
            found.append((event.name, event.filename, b""))
        elif isinstance(event, bytes):
            found[-1] = (*found[-1][:2], found[-1][2] + event)
        else:
            assert event is Mark.PART_END
    return found


def form(*parts: tuple[str, bytes]) -> bytes:
    """A form of (Content-Disposition parameters, content)."""
    lines = [
        b"--frontier\r\nContent-Disposition: form-data; " + head.encode() + b"\r\n\r\n" + content + b"\r\n"
        for head, content in parts
    ]
    return b"".join(lines) + b"--frontier--\r\n"


@given(
    contents=st.lists(
        st.one_of(
            st.binary(max_size=40), st.sampled_from([b"\r\n--frontie", b"\r\n--", b"--frontier", b"\r"])
        ),
        min_size=1,
        max_size=3,
    ),
    sizes=st.lists(st.integers(0, 30), max_size=12),
)
async def test_every_cut_gives_the_same_parts(contents: list[bytes], sizes: list[int]) -> None:
    body = form(*((f'name="p{n}"', content) for n, content in enumerate(contents)))
    expected = [(f"p{n}", None, content) for n, content in enumerate(contents)]
    assert await parts(body, *sizes) == expected


@pytest.mark.parametrize(
    ("head", "filename"),
    [
        ('name="audio"; filename="call.wav"', "call.wav"),
        ('name="audio"; filename=""', ""),
        ("name=audio; filename=call.wav", "call.wav"),
        ('name="audio"; filename="第一次 會談.wav"', "第一次 會談.wav"),
        ('name="audio"; filename="a%22b.wav"', 'a"b.wav'),  # browsers
        (r'name="audio"; filename="a\"b\\c.wav"', 'a"b\\c.wav'),  # curl
        ('name="audio"; filename="semi;colon=.wav"', "semi;colon=.wav"),
        ("name=\"audio\"; filename*=UTF-8''na%C3%AFve%20call.wav", "naïve call.wav"),
        ('name="audio"; filename="x.wav"; filename*=utf-8\'en\'%E2%82%AC.wav', "€.wav"),
        ('name="audio"; filename="x.wav"; filename*=klingon\'\'abc', "x.wav"),
        (r'name="audio"; filename="C:\fakepath\call.wav"', r"C:\fakepath\call.wav"),
        ('NAME="audio"; FileName="call.wav"', "call.wav"),
        ('name="audio"', None),
    ],
)
async def test_a_file_s_name_is_read_as_browsers_curl_and_rfc_5987_write_it(
    head: str, filename: str | None
) -> None:
    """F28: any script."""
    assert await parts(form((head, b"x"))) == [("audio", filename, b"x")]


async def test_latin_1_is_what_is_not_utf_8() -> None:
    body = form(('name="audio"; filename="@@"', b"x")).replace(b"@@", "naïve.wav".encode("latin-1"))
    assert await parts(body) == [("audio", "naïve.wav", b"x")]


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"--frontier\r\nContent-Dispos", id="cut in a header"),
        pytest.param(form(('name="a"', b"abc"))[:-14], id="cut in the content"),
        pytest.param(form(('name="a"', b"abc"))[:-4], id="cut in the last boundary"),
        pytest.param(form(('name="a"', b"abc")).replace(b"frontier", b"another1"), id="another boundary"),
        pytest.param(form(('filename="a"', b"abc")), id="no name"),
        pytest.param(b"--frontier\r\n\r\nabc\r\n--frontier--\r\n", id="no header"),
        pytest.param(b"--frontier\r\nA: " + b"b" * 9000 + b"\r\n\r\n", id="a long header"),
        pytest.param(b"--frontier\r\n" + b"A: b\r\n" * 99 + b"\r\n", id="many headers"),
        pytest.param(b'{"audio": "no form"}', id="JSON"),
    ],
)
async def test_what_is_no_whole_form_is_refused(body: bytes) -> None:
    with pytest.raises(InvalidRequestError):
        await parts(body)


def test_the_boundary_is_read() -> None:
    assert boundary_of("multipart/form-data; boundary=abc") == b"abc"
    assert boundary_of('Multipart/Form-Data; charset=utf-8; boundary="a b"') == b"a b"


@pytest.mark.parametrize(
    "kind", ["", "application/json", "text/plain; boundary=x", "multipart/mixed; boundary=x"]
)
def test_another_content_type_is_refused(kind: str) -> None:
    with pytest.raises(UnsupportedMediaError, match="multipart/form-data"):
        boundary_of(kind)


@pytest.mark.parametrize("rest", ["", "; boundary=", "; boundary=" + "x" * 71])
def test_a_form_without_a_boundary_is_refused(rest: str) -> None:
    with pytest.raises(InvalidRequestError, match="boundary"):
        boundary_of("multipart/form-data" + rest)
