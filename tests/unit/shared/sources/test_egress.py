"""Requests to addresses that callers name."""

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from shared.sources.addresses import networks_of
from shared.sources.egress import AddressRefusedError, PublicTransport, UnresolvedError, check_url, resolve

PUBLIC = ["8.8.8.8", "93.184.215.14", "2606:4700::1111"]
OURS = networks_of("127.0.0.0/8")
OTHERS = [
    "0.0.0.0",  # noqa: S104
    "10.0.0.1", "100.64.0.1", "127.0.0.1", "127.8.8.8", "169.254.169.254", "172.16.0.1", "192.168.1.1",
    "192.0.0.8", "192.0.2.1", "192.88.99.1", "198.18.0.1", "203.0.113.1", "224.0.0.1", "239.1.1.1", "240.0.0.1",
    "255.255.255.255", "::", "::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::127.0.0.1", "64:ff9b::a00:1",
    "64:ff9b::7f00:1", "64:ff9b:1::808:808", "2001::1", "2001:db8::1", "2002:7f00:1::1", "2002:808:808::1",
    "5f00::1", "fc00::1", "fd00:ec2::254", "fe80::1", "fec0::1", "ff0e::1",
]  # fmt: skip


@pytest.mark.parametrize("address", PUBLIC)
def test_public_addresses_are_public(address: str) -> None:
    host = f"[{address}]" if ":" in address else address
    check_url(f"https://{host}/hook")


@pytest.mark.parametrize("address", OTHERS)
def test_what_leads_to_us_or_our_neighbours_is_not(address: str) -> None:
    host = f"[{address}]" if ":" in address else address
    with pytest.raises(AddressRefusedError, match="not a public address"):
        check_url(f"https://{host}/hook")
    check_url(f"http://{host}/hook", networks_of(address))


@pytest.mark.parametrize(
    "url",
    [
        "", "x", "ftp://a.example/", "http://a.example/", "file:///etc/passwd", "https://", "https:///x",
        "https://user@a.example/", "https://user:pw@a.example/", "https://a.example/#x", "https://a.example:0/",
        "https://a.example:99999/", "https://a.example:x/", "https://[::1/", "https://a b.example/",
        "https://a.example/\n", "https://a.example/" + "x" * 2048, "//a.example/", "gopher://a.example/",
    ],
)  # fmt: skip
def test_what_is_no_address_for_us_is_refused(url: str) -> None:
    with pytest.raises(AddressRefusedError):
        check_url(url)


@pytest.mark.parametrize("url", ["https://a.example", "https://a.example:8443/x?y=z", "https://ü.example/ü"])
def test_other_addresses_are_taken(url: str) -> None:
    check_url(url)


@pytest.mark.parametrize("name", ["localhost", "127.1", "2130706433", "0x7f000001", "017700000001"])
async def test_other_spellings_of_this_machine_are_seen_through(name: str) -> None:
    with pytest.raises(AddressRefusedError, match="does not lead to a public address"):
        await resolve(name, 443)


async def test_a_name_that_leads_nowhere_is_told() -> None:
    with pytest.raises(UnresolvedError, match=r"nothing\.invalid"):
        await resolve("nothing.invalid", 443)


Served = tuple[int, list[bytes]]


@pytest.fixture
async def server() -> AsyncIterator[Served]:
    """A server on loopback: its port, and the heads of the requests that reached it."""
    heads: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heads.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1/\r\nContent-Length: 2\r\n\r\nok")
        await writer.drain()
        writer.close()

    listening = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with listening:
        yield listening.sockets[0].getsockname()[1], heads


def names(monkeypatch: pytest.MonkeyPatch, lookup: Callable[[str, int], list[str]]) -> None:
    """Have names lead where `lookup` says; the loop asks the system through this call."""

    def getaddrinfo(host: str, port: int, *_args: Any, **_kwargs: Any) -> list[Any]:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (each, port)) for each in lookup(host, port)]

    monkeypatch.setattr("socket.getaddrinfo", getaddrinfo)


async def test_nothing_is_sent_to_a_private_address(server: Served) -> None:
    port, heads = server
    async with httpx.AsyncClient(transport=PublicTransport()) as http:
        for host in ("127.0.0.1", "localhost", "127.1"):
            with pytest.raises(AddressRefusedError):
                await http.get(f"https://{host}:{port}/")
    assert heads == []


async def test_a_private_address_is_used_where_that_is_allowed_and_no_redirect_is_followed(
    server: Served,
) -> None:
    """F37."""
    port, heads = server
    async with httpx.AsyncClient(transport=PublicTransport(OURS)) as http:
        answer = await http.get(f"http://localhost:{port}/x?y=z")
    assert (answer.status_code, answer.text, len(heads)) == (302, "ok", 1)
    assert heads[0].startswith(b"GET /x?y=z HTTP/1.1\r\n")
    assert f"host: localhost:{port}".encode() in heads[0].lower()


async def test_a_name_is_looked_up_once_and_what_was_checked_is_what_is_used(
    server: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    """DNS rebinding: the second answer would be another."""
    port, heads = server
    asked: list[str] = []

    def lookup(host: str, _port: int) -> list[str]:
        asked.append(host)
        return ["127.0.0.1"] if len(asked) == 1 else ["192.0.2.1"]

    names(monkeypatch, lookup)
    async with httpx.AsyncClient(transport=PublicTransport(OURS)) as http:
        assert (await http.get(f"http://rebound.example:{port}/")).status_code == 302
    assert asked[0] == "rebound.example"
    assert len(heads) == 1
    assert f"host: rebound.example:{port}".encode() in heads[0].lower()


async def test_one_private_address_among_public_ones_is_enough_to_refuse(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    names(monkeypatch, lambda _host, _port: ["8.8.8.8", "10.0.0.1"])
    with pytest.raises(AddressRefusedError):
        await resolve("mixed.example", 443)


async def test_the_next_address_is_tried_where_one_takes_no_connection(
    server: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    port, heads = server
    names(monkeypatch, lambda host, _port: [host] if host == "127.0.0.1" else ["127.0.0.2", "127.0.0.1"])
    async with httpx.AsyncClient(transport=PublicTransport(OURS)) as http:
        assert (await http.get(f"http://two.example:{port}/")).status_code == 302
    assert len(heads) == 1


def certificate(folder: Path, name: str) -> Path:
    """A file with a certificate that signs itself for a name, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder().subject_name(subject).issuer_name(subject).public_key(key.public_key())
        .serial_number(1).not_valid_before(now - timedelta(hours=1)).not_valid_after(now + timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False).sign(key, SHA256())
    )  # fmt: skip
    file = folder / f"{name}.pem"
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    file.write_bytes(private + made.public_bytes(Encoding.PEM))
    return file


async def test_the_certificate_must_be_that_of_the_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The connection goes to an address, and is still to whom the name says."""
    file = certificate(tmp_path, "hook.example")
    ours = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    ours.load_cert_chain(file)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 204 No Content\r\n\r\n")
        await writer.drain()
        writer.close()

    names(monkeypatch, lambda _host, _port: ["127.0.0.1"])
    async with await asyncio.start_server(serve, "127.0.0.1", 0, ssl=ours) as listening:
        port = listening.sockets[0].getsockname()[1]
        transport = PublicTransport(OURS, tls=ssl.create_default_context(cafile=str(file)))
        async with httpx.AsyncClient(transport=transport) as http:
            assert (await http.get(f"https://hook.example:{port}/")).status_code == 204
            with pytest.raises(httpx.ConnectError, match="CERTIFICATE_VERIFY_FAILED"):
                await http.get(f"https://other.example:{port}/")
        async with httpx.AsyncClient(transport=PublicTransport(OURS)) as http:
            with pytest.raises(httpx.ConnectError, match="CERTIFICATE_VERIFY_FAILED"):
                await http.get(f"https://hook.example:{port}/")
