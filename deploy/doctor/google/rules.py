"""A bucket's lifecycle rules: they are a net below what workers delete, and must not reach what is needed."""

import json
import shlex
from collections.abc import Mapping, Sequence
from typing import Any, Final

from shared.examination.findings import Finding, fail, note, ok

_SHORTEST_DAYS: Final = 2  # economy takes up to a day, and rules count whole days
_LONGEST_DAYS: Final = 30
_DAYS: Final = 7
_UPLOAD_DAYS: Final = 8  # TRANSCRIPTS_UPLOAD_HOURS is a week at most, and so is a session of Cloud Storage's
_RECORDINGS: Final = "sessions/"
_UPLOADS: Final = "uploads/"

_Rules = Sequence[Mapping[str, Any]]


class Rules:
    """The rules of one bucket against what lies in it."""

    def __init__(self, bucket: str, rules: _Rules, *, folders: Sequence[str], storage: str | None) -> None:
        """`folders` are the engine's; `storage` is the prefix of recordings where they are in this bucket, too."""
        self._bucket = bucket
        self._rules = rules
        self._folders = folders
        self._recordings = None if storage is None else f"{storage}{_RECORDINGS}"
        self._uploads = None if storage is None else f"{storage}{_UPLOADS}"

    def findings(self) -> list[Finding]:
        """Each folder is emptied after some days, should a worker not have done it; recordings never are."""
        return [self._work(), *self._kept(), *self._unfinished()]

    def _work(self) -> Finding:
        days = [_days(self._rules, folder) for folder in self._folders]
        kept = [folder for folder, after in zip(self._folders, days, strict=True) if after is None]
        known = [after for after in days if after is not None]
        if kept:
            detail = (
                f"No rule deletes what is left below {', '.join(kept)}: a lost worker's audio stays for ever."
            )
            return fail("lifecycle", detail, self._mended())
        if min(known) < _SHORTEST_DAYS:
            detail = f"A rule deletes after {min(known)} days what Google may have yet to read."
            return fail("lifecycle", detail, self._mended())
        if max(known) > _LONGEST_DAYS:
            detail = f"What a lost worker leaves is deleted after {max(known)} days only."
            return note("lifecycle", detail, self._mended())
        return ok("lifecycle", f"what is left is deleted after {max(known)} days")

    def _kept(self) -> list[Finding]:
        """The recordings, which only the service deletes."""
        lost = _days(self._rules, self._recordings) if self._recordings else None
        if not self._recordings or lost is None:
            return []
        detail = f"A rule deletes the recordings too, after {lost} days, and the database does not know it."
        return [fail("lifecycle", detail, self._mended())]

    def _unfinished(self) -> list[Finding]:
        """Uploads that became no session."""
        if self._uploads is None:
            return []
        after = _days(self._rules, self._uploads)
        if after is None:
            detail = f"No rule deletes uploads that nobody finished, below {self._uploads}, should no worker do it."
            return [note("uploads", detail, self._mended())]
        if after < _UPLOAD_DAYS:
            detail = f"A rule deletes uploads after {after} days, of which some may still be under way."
            return [fail("uploads", detail, self._mended())]
        return [ok("uploads", f"those that nobody finished are deleted after {after} days")]

    def _mended(self) -> str:
        """The command that mends all of it: it keeps the rules that do no harm, and adds what they lack of ours."""
        kept = [rule for rule in self._rules if not self._harms(rule)]
        ours = []
        if self._uploads is not None and _days(kept, self._uploads) is None:
            ours.append(_deleting(_UPLOAD_DAYS, [self._uploads]))
        if any((_days(kept, folder) or _LONGEST_DAYS + 1) > _LONGEST_DAYS for folder in self._folders):
            ours.append(_deleting(_DAYS, self._folders))
        document = json.dumps({"rule": [*kept, *ours]})
        return (
            f"echo {shlex.quote(document)} > lifecycle.json; "
            f"gcloud storage buckets update gs://{self._bucket} --lifecycle-file=lifecycle.json"
        )

    def _harms(self, rule: Mapping[str, Any]) -> bool:
        """Whether a rule deletes what it must not, or too soon."""
        if self._recordings is not None and _age(rule, self._recordings) is not None:
            return True
        least = dict.fromkeys(self._folders, _SHORTEST_DAYS)
        if self._uploads is not None:
            least[self._uploads] = _UPLOAD_DAYS
        ages = {folder: _age(rule, folder) for folder in least}
        return any(age is not None and age < least[folder] for folder, age in ages.items())


def _deleting(days: int, folders: Sequence[str]) -> Mapping[str, Any]:
    return {"action": {"type": "Delete"}, "condition": {"age": days, "matchesPrefix": list(folders)}}


def _days(rules: _Rules, folder: str) -> int | None:
    """After how many days a rule deletes all below a folder; None where none does."""
    ages = [age for rule in rules if (age := _age(rule, folder)) is not None]
    return min(ages, default=None)


def _age(rule: Mapping[str, Any], folder: str) -> int | None:
    """The age at which a rule deletes all below a folder; None where it does not."""
    condition = dict(rule.get("condition", {}))
    age, prefixes = condition.pop("age", None), condition.pop("matchesPrefix", [""])
    condition.pop("isLive", None)
    covers = any(folder.startswith(prefix) for prefix in prefixes)
    deletes = rule.get("action", {}).get("type") == "Delete" and age is not None
    return int(age) if deletes and covers and not condition else None
