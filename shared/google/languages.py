"""The languages of Google's speech models and how Google spells them; standard library only.

Callers write BCP 47 as they are used to (`zh-TW`, `he`, `en`); Google wants its own tags (`cmn-Hant-TW`, `iw-IL`,
`en-US`) and refuses others (F20).
"""

from collections.abc import Set as AbstractSet
from typing import Final

AUTO: Final = "auto"  # Google finds out itself

_DIARIZED: Final = "cmn-Hans-CN de-DE en-GB en-IN en-US es-ES es-US fr-CA fr-FR hi-IN it-IT ja-JP ko-KR pt-BR"
_ONLY_HEARD: Final = (
    "af-ZA am-ET ar-AE ar-BH ar-DZ ar-EG ar-IL ar-IQ ar-JO ar-KW ar-LB ar-MA ar-MR ar-OM ar-PS ar-QA ar-SA"
    " ar-SY ar-TN ar-XA ar-YE as-IN ast-ES az-AZ bg-BG bn-BD bn-IN ca-ES cmn-Hant-TW cs-CZ cy-GB da-DK el-GR"
    " en-AU en-PH es-MX et-EE eu-ES fa-IR fi-FI fil-PH gl-ES gu-IN ha-NG hr-HR hu-HU hy-AM id-ID is-IS iw-IL"
    " jv-ID ka-GE kk-KZ km-KH kn-IN ky-KG lb-LU lo-LA lt-LT lv-LV mi-NZ mk-MK ml-IN mn-MN mr-IN ms-MY mt-MT"
    " my-MM ne-NP nl-NL no-NO nso-ZA or-IN pa-Guru-IN pl-PL pt-PT ro-RO ru-RU sk-SK sl-SI sq-AL sr-RS sv-SE sw"
    " sw-KE ta-IN te-IN th-TH tr-TR uk-UA uz-UZ vi-VN wo-SN xh-ZA yo-NG yue-Hant-HK zu-ZA"
)
_CHIRP_2: Final = (
    "af-ZA am-ET ar-EG as-IN ast-ES az-AZ be-BY bg-BG bn-BD bn-IN bs-BA ca-ES ceb-PH ckb-IQ cmn-Hans-CN"
    " cmn-Hant-TW cs-CZ cy-GB da-DK de-DE el-GR en-AU en-GB en-IN en-US es-ES es-US et-EE eu-ES fa-IR ff-SN"
    " fi-FI fil-PH fr-CA fr-FR ga-IE gl-ES gu-IN ha-NG hi-IN hr-HR hu-HU hy-AM id-ID ig-NG is-IS it-IT iw-IL"
    " ja-JP jv-ID ka-GE kam-KE kea-CV kk-KZ km-KH kn-IN ko-KR ky-KG lb-LU lg-UG ln-CD lo-LA lt-LT luo-KE lv-LV"
    " mi-NZ mk-MK ml-IN mn-MN mr-IN ms-MY mt-MT my-MM ne-NP nl-NL no-NO nso-ZA ny-MW oc-FR om-ET or-IN"
    " pa-Guru-IN pl-PL ps-AF pt-BR ro-RO ru-RU rup-BG sd-IN si-LK sk-SK sl-SI sn-ZW so-SO sq-AL sr-RS su-ID"
    " sv-SE sw ta-IN te-IN tg-TJ th-TH tr-TR uk-UA ur-PK uz-UZ vi-VN wo-SN yo-NG yue-Hant-HK zu-ZA"
)

CHIRP_3_DIARIZES: Final = frozenset(_DIARIZED.split())
CHIRP_3_LANGUAGES: Final = CHIRP_3_DIARIZES | frozenset(_ONLY_HEARD.split())
CHIRP_2_LANGUAGES: Final = frozenset(_CHIRP_2.split())

# Other names of the same languages: BCP 47 and ISO 639 as they are now, where Google keeps to older or longer ones.
_OTHER_NAMES: Final = {
    "arb": "ar", "he": "iw", "in": "id", "nb": "no", "nn": "no", "pes": "fa", "swh": "sw", "tl": "fil", "zsm": "ms",
}  # fmt: skip
_SIMPLIFIED, _TRADITIONAL, _CANTONESE = "cmn-Hans-CN", "cmn-Hant-TW", "yue-Hant-HK"
_ABROAD: Final = {"es": "es-US"}  # in areas that the model does not have
# The variety that a bare language means, where Google has several.
_USUAL: Final = {
    "ar": "ar-EG",
    "bn": "bn-BD",
    "en": "en-US",
    "es": "es-ES",
    "fr": "fr-FR",
    "pt": "pt-BR",
    "sw": "sw",
}
_CHINESE: Final = frozenset({"zh", "cmn", "yue"})


def google_language(tag: str, known: AbstractSet[str]) -> str | None:
    """The tag among those that a model knows which is nearest to a BCP 47 tag; None where it knows no such language.

    A region that the model does not have gives way to the language's usual one: `de-AT` becomes `de-DE`.
    """
    parts = tag.replace("_", "-").split("-")
    primary = parts[0].lower()
    if primary in _CHINESE:
        chinese = _chinese(primary, {part.lower() for part in parts[1:]})
        return chinese if chinese in known else None
    primary = _OTHER_NAMES.get(primary, primary)
    exact = "-".join([primary, *parts[1:]]).lower()
    same = sorted(code for code in known if code.partition("-")[0] == primary)
    region = parts[-1].lower() if len(parts) > 1 else ""
    for wanted in (exact, f"{primary}-{region}"):
        for code in same:
            if code.lower() == wanted or (region and _without_script(code) == wanted):
                return code
    usual = _ABROAD.get(primary) if region else None
    usual = usual or _USUAL.get(primary)
    return usual if usual in same else next(iter(same), None)


def _chinese(primary: str, subtags: AbstractSet[str]) -> str:
    """What is spoken and how it is written: Hong Kong and Macau speak Cantonese unless Mandarin is asked for."""
    if primary == "yue" or (primary == "zh" and subtags & {"hk", "mo", "yue"}):
        return _CANTONESE
    return _TRADITIONAL if subtags & {"tw", "hant", "hk", "mo"} else _SIMPLIFIED


def _without_script(code: str) -> str:
    parts = code.lower().split("-")
    return f"{parts[0]}-{parts[-1]}"


def common_tag(code: str) -> str:
    """Google's tag as everyone else writes it: `cmn-Hant-TW` is `zh-TW`, `iw-IL` is `he-IL`."""
    parts = code.split("-")
    usual = {"cmn": "zh", "iw": "he"}.get(parts[0], parts[0])
    return "-".join([usual, *(part for part in parts[1:] if len(part) != 4)])


def primary_subtags(codes: AbstractSet[str]) -> frozenset[str]:
    """The first parts of the tags that callers may give for these languages."""
    found = {code.partition("-")[0] for code in codes}
    found |= {other for other, ours in _OTHER_NAMES.items() if ours in found}
    return frozenset(found | (_CHINESE if "cmn" in found else set()))
