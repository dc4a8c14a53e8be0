"""What may be fetched: the public internet, whatever an address is dressed up as."""

from ipaddress import ip_address

import pytest

from shared.sources.addresses import Target, may_reach, networks_of, target_of

INSIDE = [
    "127.0.0.1", "127.8.8.8", "0.0.0.0", "10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.1.1",  # noqa: S104
    "169.254.169.254", "169.254.170.2", "168.63.129.16", "100.64.0.1", "100.100.100.200", "192.0.0.192",
    "192.0.2.1", "198.18.0.1", "198.51.100.1", "203.0.113.1", "224.0.0.1", "240.0.0.1", "255.255.255.255",
    "::", "::1", "fe80::1", "fc00::1", "fd00:ec2::254", "ff02::1", "fec0::1", "2001:db8::1", "3fff::1", "100::1",
    "::ffff:127.0.0.1", "::ffff:8.8.8.8", "::ffff:169.254.169.254", "::127.0.0.1", "64:ff9b::a9fe:a9fe",
    "64:ff9b::808:808", "64:ff9b:1::1", "2002:7f00:1::", "2002:808:808::1", "2001::1", "5f00::1",
]  # fmt: skip
OUTSIDE = [
    "8.8.8.8",
    "1.1.1.1",
    "172.32.0.1",
    "100.128.0.1",
    "169.253.0.1",
    "2606:4700::1111",
    "2a00:1450::1",
]


@pytest.mark.parametrize("address", INSIDE)
def test_what_is_inside_is_not_reached(address: str) -> None:
    """Private, loopback, link-local, metadata, CGNAT, documentation, mapped, NAT64, 6to4, Teredo, multicast."""
    assert not may_reach(ip_address(address))
    host = f"[{address}]" if ":" in address else address
    with pytest.raises(ValueError, match="public internet"):
        target_of(f"https://{host}/a.wav")


@pytest.mark.parametrize("address", OUTSIDE)
def test_what_is_outside_is_reached(address: str) -> None:
    assert may_reach(ip_address(address))


def test_networks_may_be_allowed_in_spite_of_it() -> None:
    allowed = networks_of("127.0.0.0/8, fd00::/8")
    assert may_reach(ip_address("127.0.0.1"), allowed)
    assert may_reach(ip_address("fd00::1"), allowed)
    assert not may_reach(ip_address("10.0.0.1"), allowed)
    assert target_of("http://127.0.0.1:8080/a.wav", allowed) == Target("http", "127.0.0.1", 8080)
    with pytest.raises(ValueError, match="300"):
        networks_of("300.0.0.0/8")


def test_a_url_is_taken_apart() -> None:
    assert target_of("https://Example.com/a.wav?x=1#y") == Target("https", "example.com", 443)
    assert target_of("http://example.com:8000") == Target("http", "example.com", 8000)


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("ftp://example.com/a.wav", "https://"),
        ("file:///etc/passwd", "https://"),
        ("gopher://example.com:70/_x", "https://"),
        ("https:///a.wav", "name a host"),
        ("example.com/a.wav", "https://"),
        ("https://user:hunter2@example.com/", "user or a password"),
        ("https://user@example.com/", "user or a password"),
        ("https://example.com:22/", "port"),
        ("https://example.com:99999/", "must be a URL"),
        ("https://[::1/", "must be a URL"),
        ("https://example.com/a b", "printable"),
        ("https://example.com\\@127.0.0.1/", "printable"),
        ("https://example.com/\r\nHost: x", "printable"),
        ("https://會談.example/", "printable"),
        ("https://example.com/" + "x" * 5000, "at most"),
    ],
)
def test_what_is_no_address_to_fetch_from(url: str, words: str) -> None:
    with pytest.raises(ValueError, match=words) as refused:
        target_of(url)
    assert "hunter2" not in str(refused.value)
