"""Which model, language and feature exist where, and what BatchRecognize refuses before it makes anything."""

import re
from typing import Final

import grpc

from google.cloud.speech_v2.types import cloud_speech, locations_metadata
from tests.fakes.google.faults import Refusal

DIARIZATION: Final = "speaker_diarization"
WORD_TIMES: Final = "word_time_offsets"
WORD_CONFIDENCE: Final = "word_confidence"
PUNCTUATION: Final = "automatic_punctuation"
PROFANITY: Final = "profanity_filter"
HOUR_MS: Final = 3_600_000

_CHIRP_2: Final = frozenset({PUNCTUATION, PROFANITY, WORD_TIMES, WORD_CONFIDENCE})
_CHIRP_3: Final = frozenset({PUNCTUATION, WORD_TIMES, DIARIZATION})
_LANGUAGES: Final = (
    "en-US", "en-GB", "ja-JP", "ko-KR", "cmn-Hans-CN", "cmn-Hant-TW", "yue-Hant-HK", "fr-FR", "de-DE", "es-ES",
    "it-IT", "pt-BR", "nl-NL", "pl-PL", "iw-IL", "fil-PH",
)  # fmt: skip
_NO_DIARIZATION: Final = frozenset({"cmn-Hant-TW", "yue-Hant-HK", "nl-NL", "pl-PL", "iw-IL", "fil-PH"})
LOCATIONS: Final = {
    "us": ("chirp_3",),
    "eu": ("chirp_3",),
    "asia-northeast1": ("chirp_3",),
    "us-central1": ("chirp_2",),
    "europe-west4": ("chirp_2",),
    "asia-southeast1": ("chirp_3", "chirp_2"),
}
_MAX_PHRASES: Final = 1_000
_RECOGNIZER: Final = re.compile(r"projects/([^/]+)/locations/([^/]+)/recognizers/([^/]+)")
_MAX_FILES: Final = 15


def features(model: str, language: str) -> frozenset[str]:
    """What a model can do in a language."""
    can = _CHIRP_3 if model == "chirp_3" else _CHIRP_2
    return can - {DIARIZATION} if language in _NO_DIARIZATION else can


def max_audio_ms(config: cloud_speech.RecognitionConfig) -> int:
    """How long a file may be; a longer one is an error of that file, found while the operation runs."""
    if config.model == "chirp_3":
        return HOUR_MS // 3 if config.features.enable_word_time_offsets else HOUR_MS
    return 8 * HOUR_MS


def metadata(location: str) -> locations_metadata.LocationsMetadata:
    """What the Locations API says of a location."""
    return locations_metadata.LocationsMetadata(
        languages=locations_metadata.LanguageMetadata(
            models={
                language: locations_metadata.ModelMetadata(
                    model_features={
                        model: locations_metadata.ModelFeatures(
                            model_feature=[
                                locations_metadata.ModelFeature(feature=name, release_state="GA")
                                for name in sorted(features(model, language))
                            ]
                        )
                        for model in LOCATIONS[location]
                    }
                )
                for language in _LANGUAGES
            }
        )
    )


def check(request: cloud_speech.BatchRecognizeRequest) -> tuple[str, str]:
    """The project and location of a request that can be started; refuses any other with INVALID_ARGUMENT."""
    match = _RECOGNIZER.fullmatch(request.recognizer)
    if not match:
        raise _invalid(f"Invalid resource field value in the request: {request.recognizer!r}.")
    project, location, recognizer = match.groups()
    if location not in LOCATIONS:
        raise _invalid(f'Expected resource location to be one this server has, but it was "{location}".')
    if recognizer != "_":
        raise Refusal(grpc.StatusCode.NOT_FOUND, f"Unable to find Recognizer {recognizer} in {location}.")
    if not 1 <= len(request.files) <= _MAX_FILES:
        raise _invalid(f"BatchRecognize takes 1 to {_MAX_FILES} files.")
    for file in request.files:
        if not re.fullmatch(r"gs://[^/]+/.+", file.uri):
            raise _invalid(f"Invalid Cloud Storage URI: {file.uri!r}.")
    output = request.recognition_output_config
    if "gcs_output_config" in output:
        if not re.match(r"gs://[^/]+", output.gcs_output_config.uri):
            raise _invalid(f"Invalid Cloud Storage URI: {output.gcs_output_config.uri!r}.")
    elif "inline_response_config" not in output:
        raise _invalid("recognition_output_config must say where the results go.")
    _check_config(request.config, location)
    return project, location


def _check_config(config: cloud_speech.RecognitionConfig, location: str) -> None:
    if "auto_decoding_config" not in config and "explicit_decoding_config" not in config:
        raise _invalid("Request contains an invalid argument: decoding config is required.")
    if config.model not in LOCATIONS[location]:
        raise _invalid(f'The model "{config.model}" does not exist in the location named "{location}".')
    if not config.language_codes:
        raise _invalid("language_codes must not be empty.")
    wanted = {
        DIARIZATION: "diarization_config" in config.features,
        WORD_TIMES: config.features.enable_word_time_offsets,
        WORD_CONFIDENCE: config.features.enable_word_confidence,
        PUNCTUATION: config.features.enable_automatic_punctuation,
        PROFANITY: config.features.profanity_filter,
    }
    phrases = sum(len(given.inline_phrase_set.phrases) for given in config.adaptation.phrase_sets)
    if phrases > _MAX_PHRASES:
        raise _invalid(f"Number of phrases {phrases} exceeds the limit of {_MAX_PHRASES}.")
    for language in config.language_codes:
        if language not in (*_LANGUAGES, "auto"):
            raise _invalid(
                f'The language "{language}" is not supported by the model "{config.model}" '
                f'in the location named "{location}".'
            )
        for feature, is_wanted in wanted.items():
            if is_wanted and feature not in features(config.model, language):
                raise _invalid(
                    f'Recognizer does not support feature: {feature} (model "{config.model}", '
                    f'language "{language}").'
                )


def _invalid(message: str) -> Refusal:
    return Refusal(grpc.StatusCode.INVALID_ARGUMENT, message)
