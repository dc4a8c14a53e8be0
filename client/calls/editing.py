"""Edits of a transcript. Each says which revision its author saw: a number, or ANY for those who do not care.

ChangedError where somebody changed what the edit touches since then. An edit that would change nothing makes no
revision, so repeating one is safe.
"""

from collections.abc import Iterable, Sequence
from typing import Any, Final, Literal, TypeAlias
from uuid import UUID

from client.calls.reading import ask, listed, send
from client.models import Edit, EditDetail, Edited, Segment, Speaker, Speakers
from client.plans import Feed, Plan

ANY: Final = "*"
Seen: TypeAlias = int | Literal["*"]

_SAME: Final[Any] = object()


def speakers(session_id: UUID) -> Plan[Speakers]:
    """Who speaks; NotReadyError while there is no transcript."""
    return ask(Speakers, "GET", f"/v1/sessions/{session_id}/speakers")


def name_speakers(session_id: UUID, stated: Iterable[Speaker], *, seen: Seen) -> Plan[Edited]:
    """State every speaker's name and role; one who still has segments cannot be left out."""
    members = [{"number": each.number, "name": each.name, "role": each.role} for each in stated]
    path = f"/v1/sessions/{session_id}/speakers"
    return ask(Edited, "PUT", path, headers=_saw(seen), body={"json": {"speakers": members}})


def segment(session_id: UUID, n: int) -> Plan[Segment]:
    """One segment with its words; its `version` is the revision at which it changed last."""
    return ask(Segment, "GET", _segment(session_id, n))


def rewrite(
    session_id: UUID, n: int, *, text: str | None = None, speaker: int | None = _SAME, seen: Seen
) -> Plan[Edited]:
    """Change a segment's text, its speaker (None: nobody knows), or both."""
    body = _given(speaker) | ({} if text is None else {"text": text})
    return ask(Edited, "PATCH", _segment(session_id, n), headers=_saw(seen), body={"json": body})


def reassign(session_id: UUID, segments: Sequence[int], speaker: int | None, *, seen: Seen) -> Plan[Edited]:
    """Give many segments to one speaker."""
    body = {"segments": list(segments), "speaker": speaker}
    path = f"/v1/sessions/{session_id}/segments"
    return ask(Edited, "PATCH", path, headers=_saw(seen), body={"json": body})


def split(session_id: UUID, n: int, at: int, *, speaker: int | None = _SAME, seen: Seen) -> Plan[Edited]:
    """Cut a segment before its character `at`; `speaker` says the second part."""
    body = {"at": at} | _given(speaker)
    return ask(Edited, "POST", f"{_segment(session_id, n)}/split", headers=_saw(seen), body={"json": body})


def merge(
    session_id: UUID, n: int, count: int = 2, *, speaker: int | None = _SAME, seen: Seen
) -> Plan[Edited]:
    """Make one segment of this one and those that follow it."""
    body = {"count": count} | _given(speaker)
    return ask(Edited, "POST", f"{_segment(session_id, n)}/merge", headers=_saw(seen), body={"json": body})


def remove(session_id: UUID, n: int, *, seen: Seen) -> Plan[Edited]:
    """Remove a segment; those after it are counted anew."""
    return ask(Edited, "DELETE", _segment(session_id, n), headers=_saw(seen), once=True)


def history(session_id: UUID, *, limit: int | None = None) -> Feed[Edit]:
    """The edits, newest first."""
    return listed(Edit, f"/v1/sessions/{session_id}/transcript/history", limit)


def edit(session_id: UUID, revision: int) -> Plan[EditDetail]:
    """What one edit changed."""
    return ask(EditDetail, "GET", f"/v1/sessions/{session_id}/transcript/history/{revision}")


def forget(session_id: UUID) -> Plan[None]:
    """Forget what edits replaced; the transcript stays, and nothing before can be undone."""
    return send("DELETE", f"/v1/sessions/{session_id}/transcript/history")


def undo(session_id: UUID, *, seen: Seen) -> Plan[Edited]:
    """Take back the newest edit that is in force; `seen` must be the newest revision."""
    return ask(Edited, "POST", f"/v1/sessions/{session_id}/transcript/undo", headers=_saw(seen))


def redo(session_id: UUID, *, seen: Seen) -> Plan[Edited]:
    """Bring back what was undone last; `seen` must be the newest revision."""
    return ask(Edited, "POST", f"/v1/sessions/{session_id}/transcript/redo", headers=_saw(seen))


def _segment(session_id: UUID, n: int) -> str:
    return f"/v1/sessions/{session_id}/segments/{n}"


def _saw(seen: Seen) -> dict[str, str]:
    return {"If-Match": "*" if seen == ANY else f'"{seen}"'}


def _given(speaker: int | None) -> dict[str, Any]:
    return {} if speaker is _SAME else {"speaker": speaker}
