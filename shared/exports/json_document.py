"""JSON: the whole transcript in the shape of the contract, nothing rounded and nothing left out."""

import json
from typing import Any

from shared.exports.options import ExportOptions
from shared.transcript import Segment, Speaker, Transcript, Word


def render(transcript: Transcript, options: ExportOptions) -> bytes:
    """Compact UTF-8 JSON with a newline at its end; `options.words` says whether segments list their words."""
    document = as_document(transcript, words=options.words)
    return (json.dumps(document, ensure_ascii=False, separators=(",", ":")) + "\n").encode()


def as_document(transcript: Transcript, *, words: bool = True) -> dict[str, Any]:
    """The transcript as plain lists and dicts."""
    return {
        "title": transcript.title,
        "language": transcript.language,
        "duration_ms": transcript.duration_ms,
        "revision": transcript.revision,
        "speakers": [_speaker(speaker) for speaker in transcript.speakers],
        "warnings": [{"code": notice.code, "detail": notice.detail} for notice in transcript.warnings],
        "segments": [_segment(segment, words) for segment in transcript.segments],
    }


def _speaker(speaker: Speaker) -> dict[str, Any]:
    return {
        "number": speaker.number,
        "name": speaker.name,
        "role": speaker.role.value,
        "role_confidence": speaker.role_confidence,
        "evidence": speaker.evidence,
    }


def _segment(segment: Segment, words: bool) -> dict[str, Any]:
    document = {
        "n": segment.n,
        "start_ms": segment.start_ms,
        "end_ms": segment.end_ms,
        "speaker": segment.speaker,
        "text": segment.text,
        "confidence": segment.confidence,
        "version": segment.version,
    }
    return {**document, "words": [_word(word) for word in segment.words]} if words else document


def _word(word: Word) -> dict[str, Any]:
    return {
        "text": word.text,
        "start_ms": word.start_ms,
        "end_ms": word.end_ms,
        "confidence": word.confidence,
        "speaker": word.speaker,
        "joined": word.joined,
    }
