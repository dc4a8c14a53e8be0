"""What is taken out of a text: where names, mail addresses and numbers stand in it, by simple rules."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from shared.transcript import is_unspaced


class Redaction(StrEnum):
    """What may be taken out."""

    NAMES = "names"
    EMAILS = "emails"
    NUMBERS = "numbers"


@dataclass(frozen=True, slots=True)
class Found:
    """A place in a text: characters from and to, what it is, and the value that its placeholder stands for."""

    start: int
    end: int
    kind: Redaction
    value: str


_TOP: Final = "com|org|net|edu|gov|io|co|me|info|dev|app|tw|de|uk|fr|jp|hk|cn|eu|ch|at"
_EMAIL: Final = re.compile(
    r"(?<![a-z0-9._%+-])[a-z0-9._%+-]+@[a-z0-9-]+(?:\.[a-z0-9-]+)+"
    rf"|\b[\w.+-]+(?: dot [\w-]+)* at [\w-]+(?: dot [\w-]+)* dot (?:{_TOP})\b",  # as a person says it
    re.IGNORECASE,
)
_DIGIT_WORDS: Final = "zero|oh|one|two|three|four|five|six|seven|eight|nine|double|triple"
_NUMBER: Final = re.compile(
    r"(?<![\w.])\+?\(?\d(?:[\s().\-–/]{0,2}\d){6,18}(?!\w)"  # noqa: RUF001 - the dash is meant
    rf"|\b(?:{_DIGIT_WORDS})(?:[\s,-]+(?:{_DIGIT_WORDS})\b){{6,18}}"
    r"|[零〇一二兩三四五六七八九幺么](?:[\s、,-]?[零〇一二兩三四五六七八九幺么]){6,18}",
    re.IGNORECASE,
)
_DATE: Final = re.compile(
    r"\d{4}[-/.]\d{1,2}[-/.]\d{1,2}|\d{1,2}[-/.]\d{1,2}[-/.]\d{4}|(?:19|20)\d\d\s?[-\u2013]\s?(?:19|20)\d\d"
)

_CAPITAL: Final = r"[^\W\d_a-zß-öø-ÿ][^\W\d_]+(?:[-'’][^\W\d_]+)?"  # noqa: RUF001
_FULL: Final = rf"{_CAPITAL}(?:\s{_CAPITAL}){{0,2}}"
_INTRODUCED: Final = re.compile(
    rf"\b(?:[Mm]y name is|[Mm]y name's|[Cc]all me|[Ii]'m called|[Ii] am called)\s({_FULL})"
    rf"|\b(?:Mr|Mrs|Ms|Miss|Dr|Prof|Professor|Herr|Frau|Madame|Monsieur|Señora?)\.?\s({_FULL})"
)
_SURNAMES: Final = (
    "王李張张陳陈林黃黄吳吴劉刘蔡楊杨許许鄭郑謝谢郭洪邱曾廖賴赖徐周葉叶蘇苏莊庄呂吕江何蕭萧羅罗高簡简朱鍾钟施游詹沈彭胡余盧卢潘顏颜"
    "趙赵孫孙馬马董程曹袁鄧邓傅崔姜范方石姚譚谭鄒邹熊金陸陆郝孔白毛邵錢钱湯汤尹黎易常武喬乔賀贺龔龚文"
)
_INTRODUCED_HAN: Final = re.compile(
    rf"(?:我叫|叫做|名字是|我是)([{_SURNAMES}][\u4e00-\u9fff]{{1,2}})(?=[，,。！？、\s]|$)"  # noqa: RUF001
    rf"|([{_SURNAMES}][\u4e00-\u9fff]{{0,2}}?)(?:先生|小姐|女士|太太|老師|老师|教授|醫師|医师|醫生|医生|經理|经理|教練|教练)"
)
_NOT_NAMES: Final = frozenset(
    {"the", "that", "this", "what", "where", "how", "why", "when", "not", "just", "very", "all"}
)


@dataclass(frozen=True, slots=True)
class Names:
    """Names to look for: each way of saying one (in full, a part of it), with the one that it belongs to."""

    spellings: dict[str, str]

    @classmethod
    def of(cls, names: Iterable[str]) -> "Names":
        """Each name in full and in those parts that could stand alone."""
        spellings: dict[str, str] = {}
        for name in sorted({" ".join(each.split()) for each in names}, key=lambda each: (-len(each), each)):
            if len(name) < 2:
                continue
            whole = spellings.get(name, name)
            for spelling in (name, *_parts(name)):
                spellings.setdefault(spelling, whole)
        return cls(spellings)

    def pattern(self) -> re.Pattern[str] | None:
        """Finds any of them, the longest first; None where there are none."""
        if not self.spellings:
            return None
        longest = sorted(self.spellings, key=lambda each: (-len(each), each))
        return re.compile("|".join(_bounded(each) for each in longest))


def names_in(texts: Iterable[str]) -> Iterator[str]:
    """Names that the texts introduce: `my name is ...`, `Dr. ...`, 我叫…, …老師."""
    for text in texts:
        for pattern in (_INTRODUCED, _INTRODUCED_HAN):
            for match in pattern.finditer(text):
                name = match[1] or match[2]
                if len(name) == 1:
                    name = match[0]  # a Chinese surname alone is a word as well: with its title it is a name
                if name.lower() not in _NOT_NAMES:
                    yield name


def looks_like_a_name(phrase: str) -> bool:
    """Whether a phrase to expect is one: words with a capital (no acronyms), or two to four characters of Chinese."""
    if phrase and all(is_unspaced(character) for character in phrase):
        return 2 <= len(phrase) <= 4 and phrase[0] in _SURNAMES
    words = phrase.split()
    return bool(words) and all(w[0].isupper() and not (w.isupper() and len(w) > 1) for w in words)


def find(text: str, kinds: frozenset[Redaction], names: re.Pattern[str] | None, of: Names) -> list[Found]:
    """Everything to be taken out, in order, none overlapping; of two that overlap the earlier, then the longer."""
    found: list[Found] = []
    if Redaction.EMAILS in kinds:
        found += [Found(*m.span(), Redaction.EMAILS, m[0].lower()) for m in _EMAIL.finditer(text)]
    if Redaction.NUMBERS in kinds:
        found += [
            Found(*m.span(), Redaction.NUMBERS, re.sub(r"\W", "", m[0]).lower())
            for m in _NUMBER.finditer(text)
            if not _DATE.fullmatch(m[0])
        ]
    if Redaction.NAMES in kinds and names is not None:
        found += [Found(*m.span(), Redaction.NAMES, of.spellings[m[0]]) for m in names.finditer(text)]
    return _apart(found)


def _apart(found: Sequence[Found]) -> list[Found]:
    kept: list[Found] = []
    for each in sorted(found, key=lambda f: (f.start, -f.end)):
        if not kept or each.start >= kept[-1].end:
            kept.append(each)
    return kept


def _parts(name: str) -> Iterator[str]:
    if all(is_unspaced(character) for character in name):
        if len(name) == 3 and name[0] in _SURNAMES:
            yield name[1:]
        return
    parts = name.split()
    if len(parts) > 1:
        yield from (part for part in parts if len(part) > 2 and part[0].isupper())


def _bounded(spelling: str) -> str:
    """The spelling as a whole word; Chinese has no words to be whole of."""
    escaped = re.escape(spelling)
    before = "" if is_unspaced(spelling[0]) else r"(?<!\w)"
    after = "" if is_unspaced(spelling[-1]) else r"(?!\w)"
    return f"{before}{escaped}{after}"
