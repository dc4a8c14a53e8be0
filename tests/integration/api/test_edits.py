"""Edits over HTTP: what they change, whom they refuse, and how they are undone."""

import asyncio
import json
import random
from typing import Any
from uuid import UUID

import httpx
import pytest

from shared.database import transaction
from shared.editing.content import Content
from shared.editing.edits import Edit, Merge, NameSpeakers, Reassign, Remove, Rewrite, Split
from shared.errors import TranscriptsError
from shared.transcript import Role, Segment, Word
from shared.transcripts.edits import ANY, EditRepository
from shared.transcripts.repository import TranscriptRepository
from shared.transcripts.rows import read_content
from tests.integration.api.conftest import Api


class Editor:
    """One person with a transcript before them."""

    def __init__(self, api: Api, session_id: str) -> None:
        self.api = api
        self.url = f"/v1/sessions/{session_id}"
        self.session_id = UUID(session_id)
        self.tag = ""

    async def look(self) -> dict[str, Any]:
        answer = await self.api.get(f"{self.url}/transcript")
        assert answer.status_code == 200, answer.text
        self.tag = answer.headers["ETag"]
        body: dict[str, Any] = answer.json()
        return body

    async def texts(self) -> list[str]:
        return [segment["text"] for segment in (await self.look())["segments"]]

    async def ask(self, method: str, path: str, body: Any = None, tag: str | None = None) -> httpx.Response:
        headers = {"If-Match": self.tag if tag is None else tag, "Content-Type": "application/json"}
        content = None if body is None else json.dumps(body)
        return await self.api.http.request(method, f"{self.url}/{path}", content=content, headers=headers)

    async def do(self, method: str, path: str, body: Any = None, tag: str | None = None) -> dict[str, Any]:
        answer = await self.ask(method, path, body, tag)
        assert answer.status_code == 200, answer.text
        changed: dict[str, Any] = answer.json()
        assert answer.headers["ETag"] == f'"{changed["revision"]}"'
        self.tag = answer.headers["ETag"]
        return changed


@pytest.fixture
async def editor(api: Api) -> Editor:
    sent = await api.send(title="Ana")
    await api.succeed(await api.claimed(sent))
    editor = Editor(api, sent["session"]["id"])
    await editor.look()
    return editor


async def test_a_segment_gets_another_text_and_keeps_its_words(editor: Editor) -> None:
    changed = await editor.do("PATCH", "segments/0", {"text": "How are we?"})
    assert changed["revision"] == 2
    assert changed["edit"]["kind"] == "text"
    (change,) = changed["changes"]
    assert (change["at"], change["removed"]) == (0, 1)
    assert change["segments"][0]["words"][0] == {
        "text": "How", "start_ms": 0, "end_ms": 200, "confidence": 0.9, "speaker": 1, "joined": False,
    }  # fmt: skip
    assert (await editor.texts())[0] == "How are we?"
    single = await editor.api.get(f"{editor.url}/segments/0")
    assert single.json() == change["segments"][0]
    assert single.headers["ETag"] == '"2"'


async def test_an_edit_that_does_not_say_what_it_saw_is_a_428(editor: Editor) -> None:
    """F31."""
    answer = await editor.api.http.patch(f"{editor.url}/segments/0", json={"text": "x"})
    assert (answer.status_code, answer.json()["code"]) == (428, "revision_required")


@pytest.mark.parametrize("tag", ['"99"', '"0"', '"somebody-else-s"', "2"])
async def test_an_edit_of_what_never_was_is_a_412(editor: Editor, tag: str) -> None:
    """F31."""
    answer = await editor.ask("PATCH", "segments/0", {"text": "x"}, tag)
    assert (answer.status_code, answer.json()["code"], answer.json()["revision"]) == (
        412,
        "stale_revision",
        1,
    )
    assert (await editor.texts())[0] == "How are you?"


async def test_two_people_cannot_overwrite_each_other(editor: Editor) -> None:
    """F31: of two changes of one segment that saw the same text, one is made and one is told."""
    seen = editor.tag
    answers = await asyncio.gather(
        *(editor.ask("PATCH", "segments/0", {"text": f"by {n}"}, seen) for n in range(8))
    )
    assert sorted(answer.status_code for answer in answers) == [200] + [412] * 7
    (won,) = [answer for answer in answers if answer.status_code == 200]
    assert won.json()["changes"][0]["segments"][0]["text"] == (await editor.texts())[0]


async def test_two_people_can_work_on_different_segments(editor: Editor) -> None:
    """F31: what the other one did elsewhere is no conflict."""
    seen = editor.tag
    await editor.do("PATCH", "segments/0", {"text": "Mine."}, seen)
    await editor.do("PATCH", "segments/1", {"text": "Yours."}, seen)
    await editor.do("PUT", "speakers", _speakers(("A", "coach"), ("B", "client")), seen)
    assert await editor.texts() == ["Mine.", "Yours."]


async def test_a_segment_that_was_counted_anew_is_not_mistaken_for_another(editor: Editor) -> None:
    """F31: after a split, segment 1 is not the segment 1 that somebody else saw."""
    seen = editor.tag
    await editor.do("POST", "segments/0/split", {"at": 4})
    answer = await editor.ask("PATCH", "segments/1", {"text": "x"}, seen)
    assert answer.status_code == 412
    assert await editor.texts() == ["How", "are you?", "Well. <b>"]
    await editor.do("PATCH", "segments/2", {"text": "Well."})  # the tag of the look


async def test_a_lost_answer_can_be_asked_for_again(editor: Editor) -> None:
    """The same edit once more is no conflict and no second edit."""
    seen = editor.tag
    await editor.do("PATCH", "segments/0", {"text": "Once.", "speaker": 2}, seen)
    again = await editor.do("PATCH", "segments/0", {"text": "Once.", "speaker": 2}, seen)
    assert (again["revision"], again["edit"], again["changes"]) == (2, None, [])


async def test_segments_are_split_merged_given_away_and_removed(editor: Editor) -> None:
    await editor.do("POST", "segments/0/split", {"at": 8, "speaker": 2})
    assert [(s["text"], s["speaker"]) for s in (await editor.look())["segments"]] == [
        ("How are", 1), ("you?", 2), ("Well. <b>", 2),
    ]  # fmt: skip
    await editor.do("POST", "segments/1/merge")
    await editor.do("PATCH", "segments", {"segments": [0, 1], "speaker": None})
    assert [(s["n"], s["text"], s["speaker"]) for s in (await editor.look())["segments"]] == [
        (0, "How are", None), (1, "you? Well. <b>", None),
    ]  # fmt: skip
    await editor.do("DELETE", "segments/0")
    assert await editor.texts() == ["you? Well. <b>"]
    for _ in range(4):
        await editor.do("POST", "transcript/undo")
    assert await editor.texts() == ["How are you?", "Well. <b>"]


def _speakers(*named: tuple[str, str]) -> dict[str, Any]:
    return {
        "speakers": [{"number": n, "name": name, "role": role} for n, (name, role) in enumerate(named, 1)]
    }


async def test_one_call_swaps_coach_and_client(editor: Editor) -> None:
    """F24."""
    changed = await editor.do("PUT", "speakers", _speakers(("Ana", "client"), ("Ben", "coach")))
    assert [(s["name"], s["role"], s["role_confidence"]) for s in changed["speakers"]] == [
        ("Ana", "client", 1.0), ("Ben", "coach", 1.0),
    ]  # fmt: skip
    assert changed["changes"] == []
    text = (await editor.api.get(f"{editor.url}/transcript?format=txt")).text
    assert "Ana (client): How are you?" in text
    assert (await editor.api.get(f"{editor.url}/speakers")).json()["speakers"] == changed["speakers"]
    again = await editor.do("PUT", "speakers", _speakers(("Ana", "client"), ("Ben", "coach")))
    assert again["edit"] is None


async def test_a_speaker_stated_unknown_is_exported_as_nobody(editor: Editor) -> None:
    """F24: unknown stays unknown, never the client."""
    await editor.do("PUT", "speakers", _speakers(("Ana", "coach"), ("Speaker 2", "unknown")))
    for kind in ("txt", "md", "csv", "vtt", "srt"):
        assert "(client)" not in (await editor.api.get(f"{editor.url}/transcript?format={kind}")).text


async def test_history_tells_what_was_done_and_what_was_there(editor: Editor) -> None:
    await editor.do("PATCH", "segments/0", {"text": "One."})
    await editor.do("PATCH", "segments/0", {"text": "Two."})
    await editor.do("POST", "transcript/undo")
    history = (await editor.api.get(f"{editor.url}/transcript/history?limit=1")).json()
    assert [(e["revision"], e["kind"], e["state"]) for e in history["items"]] == [(3, "text", "undone")]
    rest = await editor.api.get(f"{editor.url}/transcript/history?cursor={history['next_cursor']}")
    assert [(e["revision"], e["state"]) for e in rest.json()["items"]] == [(2, "done")]
    detail = (await editor.api.get(f"{editor.url}/transcript/history/2")).json()
    assert (detail["before"], detail["after"]) == (["How are you?"], ["One."])
    assert detail["request_id"]
    assert (await editor.api.get(f"{editor.url}/transcript/history/9")).status_code == 404
    assert (await editor.api.get(f"{editor.url}/transcript/history?cursor=eA")).status_code == 422


async def test_redo_leads_forth_until_something_else_is_done(editor: Editor) -> None:
    await editor.do("PATCH", "segments/0", {"text": "One."})
    await editor.do("PATCH", "segments/1", {"text": "Two."})
    await editor.do("POST", "transcript/undo")
    await editor.do("POST", "transcript/undo")
    await editor.do("POST", "transcript/redo")
    assert await editor.texts() == ["One.", "Well. <b>"]
    await editor.do("PATCH", "segments/1", {"text": "Three."})
    answer = await editor.ask("POST", "transcript/redo")
    assert (answer.status_code, answer.json()["code"]) == (409, "conflict")
    await editor.do("POST", "transcript/undo")
    await editor.do("POST", "transcript/undo")
    assert await editor.texts() == ["How are you?", "Well. <b>"]
    assert (await editor.ask("POST", "transcript/undo")).status_code == 409


async def test_undo_of_what_somebody_else_has_added_to_is_a_412(editor: Editor) -> None:
    """F31: undo takes back what the caller saw as the last edit, not another's."""
    await editor.do("PATCH", "segments/0", {"text": "One."})
    seen = editor.tag
    await editor.do("PATCH", "segments/1", {"text": "Two."})
    assert (await editor.ask("POST", "transcript/undo", tag=seen)).status_code == 412


async def test_history_can_be_forgotten(editor: Editor) -> None:
    await editor.do("PATCH", "segments/0", {"text": "The name is gone."})
    assert (await editor.api.http.delete(f"{editor.url}/transcript/history")).status_code == 204
    stored = await editor.api.pool.fetchval("SELECT count(*) FROM transcript_edit")
    assert (stored, (await editor.texts())[0]) == (0, "The name is gone.")
    assert (await editor.ask("POST", "transcript/undo")).status_code == 409


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("PATCH", "segments/0", {}),
        ("PATCH", "segments/0", {"text": ""}),
        ("PATCH", "segments/0", {"text": None}),
        ("PATCH", "segments/0", {"text": "x" * 10_001}),
        ("PATCH", "segments/0", {"text": "x", "start_ms": 1}),
        ("PATCH", "segments/0", {"speaker": 3}),
        ("PATCH", "segments/0", {"text": "\ud800"}),
        ("POST", "segments/0/split", {"at": 0}),
        ("POST", "segments/0/split", {"at": 12}),
        ("POST", "segments/0/merge", {"count": 1}),
        ("PATCH", "segments", {"segments": [], "speaker": 1}),
        ("PATCH", "segments", {"segments": [0]}),
        ("PUT", "speakers", {"speakers": [{"number": 1, "name": "A"}]}),
        ("PUT", "speakers", {"speakers": [{"number": 1, "name": "A\nB"}, {"number": 2, "name": "C"}]}),
        ("PUT", "speakers", {"speakers": [{"number": 1, "name": "A", "role": "king"}]}),
    ],
)
async def test_what_cannot_be_done_is_refused_in_words(
    editor: Editor, method: str, path: str, body: Any
) -> None:
    answer = await editor.ask(method, path, body)
    assert answer.status_code == 422, answer.text
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert (await editor.look())["revision"] == 1


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("PATCH", "segments/2", {"text": "x"}),
        ("PATCH", "segments/-1", {"text": "x"}),
        ("GET", "segments/2", None),
        ("POST", "segments/1/merge", {}),
        ("PATCH", "segments", {"segments": [0, 7], "speaker": 1}),
        ("PATCH", "segments/99999999999", {"text": "x"}),
    ],
)
async def test_a_segment_that_is_not_there_is_a_404(
    editor: Editor, method: str, path: str, body: Any
) -> None:
    answer = await editor.ask(method, path, body)
    assert answer.status_code == 404, answer.text


async def test_there_is_nothing_to_edit_before_there_is_a_transcript(api: Api) -> None:
    sent = await api.send()
    editor = Editor(api, sent["session"]["id"])
    for method, path, body in [
        ("PATCH", "segments/0", {"text": "x"}),
        ("GET", "segments/0", None),
        ("GET", "speakers", None),
        ("POST", "transcript/undo", None),
    ]:
        answer = await editor.ask(method, path, body, '"1"')
        assert (answer.status_code, answer.json()["code"]) == (409, "not_ready")
        assert answer.json()["job"] == f"/v1/jobs/{sent['job']['id']}"


async def test_a_new_transcription_keeps_the_edits_in_the_history(api: Api, editor: Editor) -> None:
    """Nothing that a person wrote is lost without a word."""
    await editor.do("PATCH", "segments/0", {"text": "By hand."})
    await editor.do("PUT", "speakers", _speakers(("Ana", "coach"), ("Ben", "client")))
    again = await api.http.post(f"{editor.url}/jobs", json={"language": "zh-TW"})
    assert await editor.texts() == ["By hand.", "Well. <b>"]  # until the new one is there
    job = await api.jobs.claim(UUID(again.json()["id"]), "w")
    assert job is not None
    await api.succeed(job)
    document = await editor.look()
    assert (document["segments"][0]["text"], document["speakers"][0]["name"]) == ("How are you?", "Coach")
    assert [w["code"] for w in document["warnings"]] == ["quiet", "edits_replaced"]
    assert "2 edits" in document["warnings"][1]["detail"]
    undone = await editor.do("POST", "transcript/undo")
    assert undone["edit"]["kind"] == "transcription"
    document = await editor.look()
    assert (document["segments"][0]["text"], document["speakers"][0]["name"]) == ("By hand.", "Ana")
    assert [w["code"] for w in document["warnings"]] == ["quiet"]  # those of the job that heard this one
    await editor.do("POST", "transcript/undo")
    await editor.do("POST", "transcript/undo")
    assert await editor.texts() == ["How are you?", "Well. <b>"]


async def test_a_transcript_from_before_there_were_revisions_can_be_edited(editor: Editor) -> None:
    """What an older worker has written has no revision yet."""
    await editor.api.pool.execute("DELETE FROM transcript")
    assert (await editor.look())["revision"] == 1
    await editor.do("PATCH", "segments/0", {"text": "One."})
    assert (await editor.look())["revision"] == 2
    assert [w["code"] for w in (await editor.look())["warnings"]] == ["quiet"]


async def test_rows_follow_any_edits_and_their_undoing(editor: Editor) -> None:
    """The rows are what the pure edits make of the same content, and undoing leads back to the first ones."""
    pool, repository = editor.api.pool, EditRepository(editor.api.pool)
    said = tuple(
        Segment(n, n * 900, n * 900 + 800, f"so {n} well", n % 2 + 1, 0.5,
                tuple(Word(w, n * 900 + i * 200, n * 900 + i * 200 + 100, 0.5, n % 2 + 1)
                      for i, w in enumerate(f"so {n} well".split())))
        for n in range(30)
    )  # fmt: skip

    async def stored() -> Content:
        async with pool.acquire() as connection:
            return await read_content(connection, editor.session_id, None)

    speakers = (await stored()).speakers
    async with transaction(pool) as connection:
        await TranscriptRepository(pool).replace(connection, editor.session_id, said, speakers)
    dice = random.Random(7)  # noqa: S311
    original, done = await stored(), 0
    for _ in range(40):
        edit = _any_edit(dice)
        before = await stored()
        try:
            await repository.apply(editor.session_id, "default", edit, seen=ANY, request_id=None)
        except TranscriptsError:
            continue
        after = await stored()
        assert _bare(after) == _bare(edit.apply(before))
        done += _bare(after) != _bare(before)
    assert done > 20
    edited = await stored()
    for _ in range(done):
        await repository.undo(editor.session_id, "default", seen=ANY)
    assert _bare(await stored()) == _bare(original)
    for _ in range(done):
        await repository.redo(editor.session_id, "default", seen=ANY)
    assert _bare(await stored()) == _bare(edited)


def _any_edit(dice: random.Random) -> Edit:
    n = dice.randrange(25)
    edits: list[Edit] = [
        Rewrite(n, f"other {dice.random():.3f} words"), Rewrite(n, None, dice.choice([1, 2, None])),
        Split(n, dice.randrange(1, 9)), Merge(n, dice.randrange(2, 4)), Remove((n, n + 2)),
        Reassign((n, n + 3, n + 4), dice.choice([1, 2, None])),
        NameSpeakers(((1, f"A{n}", Role.COACH), (2, "B", Role.CLIENT))),
    ]  # fmt: skip
    return dice.choice(edits)


def _bare(content: Content) -> tuple[Any, ...]:
    """The content without versions, which go up."""
    return (
        [(s.n, s.start_ms, s.end_ms, s.speaker, s.text, s.words) for s in content.segments],
        content.speakers,
    )


async def test_edits_go_when_the_session_goes(editor: Editor) -> None:
    """F13: also while somebody edits: neither waits for the other."""
    await editor.do("PATCH", "segments/0", {"text": "One."})
    answers = await asyncio.gather(
        editor.api.http.delete(editor.url),
        *(editor.ask("PATCH", "segments/1", {"text": f"{n}"}, "*") for n in range(6)),
    )
    assert answers[0].status_code == 204
    assert {answer.status_code for answer in answers[1:]} <= {200, 404}
    for table in ("transcript", "transcript_edit", "transcript_segment"):
        assert await editor.api.pool.fetchval(f"SELECT count(*) FROM {table}") == 0
