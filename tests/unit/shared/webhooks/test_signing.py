"""Signatures of webhooks, against the official library of Standard Webhooks."""

import base64
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks.webhooks import Webhook

from shared.webhooks.signing import new_secret, signature


def test_a_secret_is_256_bits_of_chance() -> None:
    made = {new_secret() for _ in range(100)}
    assert len(made) == 100
    assert all(secret.startswith("whsec_") and len(base64.b64decode(secret[6:])) == 32 for secret in made)


@given(st.text(), st.integers(0, 2**33))
def test_signatures_are_those_of_the_official_library(text: str, when: int) -> None:
    secret = new_secret()
    theirs = Webhook(secret).sign("msg_1", datetime.fromtimestamp(when, UTC), text)
    assert signature([secret], "msg_1", when, text.encode()) == theirs


def test_with_two_secrets_either_verifies_and_no_other() -> None:
    old, new, other = new_secret(), new_secret(), new_secret()
    now = int(datetime.now(UTC).timestamp())
    headers = {
        "webhook-id": "msg_1",
        "webhook-timestamp": str(now),
        "webhook-signature": signature([new, old], "msg_1", now, b"{}"),
    }
    for secret in (old, new):
        assert Webhook(secret).verify(b"{}", headers) == {}
    with pytest.raises(Exception, match="No matching signature"):
        Webhook(other).verify(b"{}", headers)
    with pytest.raises(Exception, match="No matching signature"):
        Webhook(new).verify(b"{ }", headers)
