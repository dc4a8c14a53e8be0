"""Tests of what passes between the worker and the computing process."""

import json

from shared.transcript import Notice, Word
from worker_service.engines.local.orders import Order, Outcome


def test_an_order_survives_json() -> None:
    order = Order("a.flac", 1000, "base", "models", 2, "zh-TW", 3, True, ("教練", "GROW"))
    assert Order.from_json(json.loads(json.dumps(order.as_json()))) == order


def test_an_outcome_survives_json() -> None:
    words = (Word("今天", 0, 400, 0.9, 1, True), Word("ok", 400, 500, None, None))
    outcome = Outcome(words, None, "base", (Notice("no_speech", "Nobody spoke."),))
    assert Outcome.from_json(json.loads(json.dumps(outcome.as_json()))) == outcome
