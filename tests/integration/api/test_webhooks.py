"""Webhooks over HTTP: registered, changed, tried out, looked at, replayed; secrets are shown once and lie sealed."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from shared.ids import new_id
from shared.pepper import Pepper
from shared.queue.client import connect
from shared.queue.names import webhooks_key
from shared.webhooks.deliveries import DeliveryRepository
from shared.webhooks.records import Attempt
from tests.fixtures.keys import PEPPER, bearer, made_key
from tests.integration.api.conftest import WAV, Api, StartApi, eventually

URL = "https://app.example/hooks"
EVERYTHING = ["job.succeeded", "job.failed", "job.cancelled", "session.deleted"]


@pytest.fixture
async def api(start_api: StartApi) -> AsyncIterator[Api]:
    """A running API whose client shows a key."""
    async with start_api(TRANSCRIPTS_PEPPER=PEPPER) as running:
        _, token = await made_key(running.pool)
        running.http.headers.update(bearer(token))
        yield running


async def registered(api: Api, **order: Any) -> dict[str, Any]:
    answer = await api.http.post("/v1/webhooks", json={"url": URL, **order})
    assert answer.status_code == 201, answer.text
    assert answer.headers["Location"] == f"/v1/webhooks/{answer.json()['id']}"
    body: dict[str, Any] = answer.json()
    return body


async def test_a_webhook_is_registered_and_its_secret_is_shown_once_and_lies_sealed(api: Api) -> None:
    made = await registered(api, description="Booking")
    secret = made.pop("secret")
    assert secret.startswith("whsec_")
    assert (made["url"], made["description"], made["events"], made["enabled"]) == (
        URL, "Booking", EVERYTHING, True,
    )  # fmt: skip
    assert (await api.get(f"/v1/webhooks/{made['id']}")).json() == made
    row = await api.pool.fetchrow("SELECT * FROM webhook_endpoint")
    assert row is not None
    assert secret not in str(row)
    assert Pepper([PEPPER]).open(row["secret"]).decode() == secret


async def test_webhooks_are_listed_changed_and_removed(api: Api) -> None:
    ids = [(await registered(api, events=["job.failed"]))["id"] for _ in range(3)]
    first = (await api.get("/v1/webhooks?limit=2")).json()
    assert [each["id"] for each in first["items"]] == [ids[2], ids[1]]
    url = f"/v1/webhooks/{ids[0]}"
    changed = (await api.http.patch(url, json={"url": f"{URL}/2", "events": EVERYTHING[:1]})).json()
    assert (changed["url"], changed["events"], changed["description"]) == (f"{URL}/2", EVERYTHING[:1], "")
    assert (await api.http.delete(url)).status_code == 204
    assert (await api.get(url)).status_code == 404
    assert (await api.http.delete(url)).status_code == 404
    assert len((await api.get("/v1/webhooks")).json()["items"]) == 2


async def test_a_webhook_is_switched_off_and_on(api: Api) -> None:
    made = await registered(api)
    job = await api.claimed(await api.send())
    await api.succeed(job)
    url = f"/v1/webhooks/{made['id']}"
    off = (await api.http.patch(url, json={"enabled": False})).json()
    assert (off["enabled"], off["disabled_reason"]) == (False, "It was switched off.")
    (given_up,) = (await api.get(f"{url}/deliveries")).json()["items"]
    assert given_up["status"] == "failed"
    for action in ("test", "replay"):
        refused = await api.http.post(f"{url}/{action}", json={"ids": [given_up["id"]]})
        assert (refused.status_code, refused.json()["code"]) == (409, "conflict")
    on = (await api.http.patch(url, json={"enabled": True})).json()
    assert (on["enabled"], on["disabled_at"], on["disabled_reason"]) == (True, None, None)
    replayed = await api.http.post(f"{url}/replay", json={"ids": [given_up["id"]]})
    assert (replayed.status_code, replayed.json()) == (202, {"queued": [given_up["id"]]})


async def test_a_secret_is_replaced_at_once_or_in_a_while(api: Api) -> None:
    made = await registered(api)
    url = f"/v1/webhooks/{made['id']}"
    answer = await api.http.post(f"{url}/rotate", json={"until": "PT1H"})
    assert answer.status_code == 200
    both = answer.json()
    assert both["secret"] not in (made["secret"], "")
    until = datetime.fromisoformat(both["old_secret_until"])
    assert timedelta(minutes=59) < until - datetime.now(UTC) <= timedelta(hours=1)
    box, row = Pepper([PEPPER]), await api.pool.fetchrow("SELECT * FROM webhook_endpoint")
    assert row is not None
    assert (box.open(row["secret"]), box.open(row["old_secret"])) == (
        both["secret"].encode(), made["secret"].encode(),
    )  # fmt: skip
    at_once = (await api.http.post(f"{url}/rotate")).json()
    assert at_once["old_secret_until"] is None
    assert await api.pool.fetchval("SELECT old_secret FROM webhook_endpoint") is None


async def test_what_was_delivered_is_shown_with_every_attempt(api: Api) -> None:
    made = await registered(api)
    for _ in range(3):
        await api.succeed(await api.claimed(await api.send()))
    ids = [row["id"] for row in await api.pool.fetch("SELECT id FROM webhook_delivery ORDER BY id")]
    repository = DeliveryRepository(api.pool)
    first = await repository.get(ids[0], UUID(made["id"]), "default")
    (claimed,) = [
        each
        for each in await repository.claim(most=9, of_one_endpoint=9, lease_s=60)
        if each.delivery.id == first.id
    ]
    attempt = Attempt(datetime.now(UTC), 12, 500, None, "database is down")
    await repository.failed(claimed.delivery, attempt)
    url = f"/v1/webhooks/{made['id']}/deliveries"
    page = (await api.get(f"{url}?limit=2")).json()
    assert [each["id"] for each in page["items"]] == [str(ids[2]), str(ids[1])]
    (failed,) = (await api.get(f"{url}?status=failed")).json()["items"]
    assert failed == (await api.get(f"{url}/{ids[0]}")).json()
    assert (failed["event"], failed["status"], failed["next_attempt_at"]) == ("job.succeeded", "failed", None)
    assert failed["message_id"] == f"msg_{ids[0].hex}"
    (shown,) = failed["attempts"]
    assert (shown["http_status"], shown["took_ms"], shown["response"]) == (500, 12, "database is down")
    assert (await api.get(f"{url}?status=lost")).status_code == 422
    assert (await api.get(f"{url}/{new_id()}")).status_code == 404
    since = (datetime.now(UTC) - timedelta(minutes=5)).isoformat()
    replayed = await api.http.post(f"/v1/webhooks/{made['id']}/replay", json={"failed_since": since})
    assert replayed.json() == {"queued": [str(ids[0])]}
    again = (await api.get(f"{url}/{ids[0]}")).json()
    assert (again["status"], len(again["attempts"])) == ("pending", 1)


async def test_a_test_is_queued_once_for_one_key(api: Api) -> None:
    made = await registered(api, events=[])
    url, key = f"/v1/webhooks/{made['id']}", {"Idempotency-Key": "once"}
    first = await api.http.post(f"{url}/test", headers=key)
    again = await api.http.post(f"{url}/test", headers=key)
    assert (first.status_code, first.json()["event"]) == (202, "webhook.test")
    assert again.content == first.content
    assert (await api.get(first.headers["Location"])).json()["id"] == first.json()["id"]
    assert await api.pool.fetchval("SELECT count(*) FROM webhook_delivery") == 1


@pytest.mark.parametrize(
    ("order", "code", "words"),
    [
        ({"url": "http://app.example/"}, "address_refused", "https://"),
        ({"url": "https://127.0.0.1/"}, "address_refused", "not a public address"),
        ({"url": "https://user:hunter2@app.example/"}, "address_refused", "no password"),
        ({"url": "https://169.254.169.254/latest"}, "address_refused", "not a public address"),
        ({"url": "nonsense"}, "address_refused", "https://"),
        ({"url": ""}, "invalid_request", "`url`"),
        ({"url": URL, "events": ["job.started"]}, "invalid_request", "`events.0`"),
        ({"url": URL, "events": ["webhook.test"]}, "invalid_request", "`events`"),
        ({"url": URL, "secret": "whsec_mine"}, "invalid_request", "`secret`"),
    ],
)
async def test_a_wrong_order_is_told(api: Api, order: dict[str, Any], code: str, words: str) -> None:
    answer = await api.http.post("/v1/webhooks", json=order)
    assert (answer.status_code, answer.json()["code"]) == (422, code)
    assert words in answer.json()["detail"]
    assert "hunter2" not in answer.text
    assert await api.pool.fetchval("SELECT count(*) FROM webhook_endpoint") == 0


async def test_a_wrong_change_changes_nothing(api: Api) -> None:
    made = await registered(api)
    url = f"/v1/webhooks/{made['id']}"
    for change in ({"url": "http://app.example/"}, {"url": None}, {"enabled": None}, {"secret": "x"}):
        assert (await api.http.patch(url, json=change)).status_code == 422
    wrongs: tuple[dict[str, Any], ...] = (
        {},
        {"ids": []},
        {"failed_since": "2026-01-01T00:00:00"},
        {"ids": ["x"]},
    )
    for wrong in wrongs:
        assert (await api.http.post(f"{url}/replay", json=wrong)).status_code == 422
    assert (await api.get(url)).json()["url"] == URL


async def test_a_session_may_have_an_address_of_its_own_at_the_host_of_a_webhook(api: Api) -> None:
    webhook = await registered(api, url="https://APP.example:443/hooks", events=[])
    own = f"{URL}?order=17"
    sent = await api.send(webhook_url=own)
    assert sent["session"]["webhook_url"] == own
    assert (await api.get(f"/v1/sessions/{sent['session']['id']}")).json()["webhook_url"] == own
    await api.succeed(await api.claimed(sent))
    (delivery,) = (await api.get(f"/v1/webhooks/{webhook['id']}/deliveries")).json()["items"]
    assert delivery["event"] == "job.succeeded"
    assert await api.pool.fetchval("SELECT url FROM webhook_delivery") == own


@pytest.mark.parametrize(
    ("url", "code"),
    [
        ("https://other.example/hooks", "unsupported_option"),
        ("https://app.example:8443/hooks", "unsupported_option"),
        ("https://off.example/hooks", "unsupported_option"),
        ("http://app.example/hooks", "address_refused"),
        ("https://10.0.0.1/", "address_refused"),
    ],
)
@pytest.mark.parametrize("first", [True, False])
async def test_an_address_that_nothing_could_sign_for_is_refused_and_nothing_is_stored(
    api: Api, url: str, code: str, first: bool
) -> None:
    await registered(api)
    off = await registered(api, url="https://off.example/")
    await api.http.patch(f"/v1/webhooks/{off['id']}", json={"enabled": False})
    await api.pool.execute(
        "INSERT INTO webhook_endpoint (id, tenant_id, url, secret)"
        " VALUES (gen_random_uuid(), 'other', 'https://other.example/', '')"
    )
    parts: list[tuple[str, Any]] = [("audio", ("call.wav", WAV)), ("webhook_url", (None, url))]
    answer = await api.http.post("/v1/sessions", files=parts[::-1] if first else parts)
    assert (answer.status_code, answer.json()["code"]) == (422, code)
    assert api.stored() == []
    assert await api.pool.fetchval("SELECT count(*) FROM session") == 0


async def test_addresses_of_one_s_own_network_are_taken_where_that_is_set(start_api: StartApi) -> None:
    """F37."""
    async with start_api(TRANSCRIPTS_PEPPER=PEPPER, TRANSCRIPTS_FETCH_NETWORKS="127.0.0.0/8") as api:
        _, token = await made_key(api.pool)
        api.http.headers.update(bearer(token))
        assert (await registered(api, url="http://127.0.0.1:9000/hook"))[
            "url"
        ] == "http://127.0.0.1:9000/hook"


async def test_a_tenant_has_fifty_at_most(api: Api) -> None:
    await api.pool.execute(
        "INSERT INTO webhook_endpoint (id, tenant_id, url, secret)"
        " SELECT gen_random_uuid(), 'default', 'https://x', '' FROM generate_series(1, 50)"
    )
    answer = await api.http.post("/v1/webhooks", json={"url": URL})
    assert (answer.status_code, answer.json()["code"]) == (409, "conflict")


async def test_without_a_pepper_there_are_none(start_api: StartApi) -> None:
    async with start_api() as api:
        answer = await api.http.post("/v1/webhooks", json={"url": URL})
        assert (answer.status_code, answer.json()["code"]) == (409, "conflict")
        assert "TRANSCRIPTS_PEPPER" in answer.json()["detail"]


async def test_what_queues_a_delivery_rings(api: Api, redis_url: str) -> None:
    """A test, a replay, an end that the API itself makes: each leaves a token on which workers wait."""
    redis: Any = connect(redis_url)
    hook = (await registered(api))["id"]
    tested = await api.http.post(f"/v1/webhooks/{hook}/test")
    first = await token(redis)
    replayed = await api.http.post(f"/v1/webhooks/{hook}/replay", json={"ids": [tested.json()["id"]]})
    second = await token(redis)
    sent = await api.send()
    await api.http.post(f"/v1/jobs/{sent['job']['id']}/cancel")
    third = await token(redis)
    await api.http.delete(f"/v1/sessions/{sent['session']['id']}")
    fourth = await token(redis)
    assert (tested.status_code, replayed.status_code) == (202, 202)
    assert {first, second, third, fourth} == {b"1"}
    await redis.aclose(close_connection_pool=True)


async def token(redis: Any) -> Any:
    return await eventually(lambda: redis.lpop(webhooks_key("transcripts")))
