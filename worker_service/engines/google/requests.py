"""What Google is asked, from what the caller asked."""

from dataclasses import dataclass

from google.cloud.speech_v2.types import cloud_speech

from shared.google.speech import Choice, Order
from shared.lifecycle import Processing
from worker_service.engines.port import SpeechRequest

Request = cloud_speech.BatchRecognizeRequest


@dataclass(frozen=True, slots=True)
class Options:
    """What one deployment asks of Google in every request."""

    languages: tuple[str, ...] = ()  # assumed where the caller names none; empty: Google finds out
    profanity_filter: bool = False
    denoise: bool = False
    piece_ms: int | None = None  # the longest piece; None: what the model takes, 0: nothing is cut


def order_of(request: SpeechRequest, options: Options) -> Order:
    """What the choice of a model depends on."""
    return Order(
        languages=(request.language,) if request.language else options.languages,
        model=request.model,
        diarization=request.diarization and request.speakers > 1,
        duration_ms=request.duration_ms,
        phrases=len(request.phrases),
        piece_ms=options.piece_ms if request.piece is None else 0,
    )


def batch_request(
    request: SpeechRequest, choice: Choice, options: Options, *, recognizer: str, audio: str, output: str
) -> Request:
    """The one paid request of an attempt: `audio` is a gs:// URI, `output` the prefix that finds it again.

    Results go to the bucket and never inline: an hour of words is more than a message takes.
    """
    economy = request.processing is Processing.ECONOMY
    return Request(
        recognizer=recognizer,
        config=_config(request, choice, options),
        files=[cloud_speech.BatchRecognizeFileMetadata(uri=audio)],
        recognition_output_config=cloud_speech.RecognitionOutputConfig(
            gcs_output_config=cloud_speech.GcsOutputConfig(uri=output)
        ),
        processing_strategy=Request.ProcessingStrategy.DYNAMIC_BATCHING
        if economy
        else Request.ProcessingStrategy.PROCESSING_STRATEGY_UNSPECIFIED,
    )


def _config(request: SpeechRequest, choice: Choice, options: Options) -> cloud_speech.RecognitionConfig:
    model = choice.model
    config = cloud_speech.RecognitionConfig(
        auto_decoding_config=cloud_speech.AutoDetectDecodingConfig(),  # FLAC tells all that has to be known
        model=model.name,
        language_codes=list(choice.language_codes),
        features=cloud_speech.RecognitionFeatures(
            enable_automatic_punctuation=True,
            enable_word_time_offsets=choice.word_times,
            enable_word_confidence=model.word_confidence,
            profanity_filter=options.profanity_filter and model.profanity_filter,
        ),
    )
    if choice.diarization:  # how many voices there are, v2 finds out by itself
        config.features.diarization_config = cloud_speech.SpeakerDiarizationConfig()
    if phrases := request.phrases[: model.max_phrases]:
        config.adaptation = cloud_speech.SpeechAdaptation(
            phrase_sets=[
                cloud_speech.SpeechAdaptation.AdaptationPhraseSet(
                    inline_phrase_set=cloud_speech.PhraseSet(
                        phrases=[cloud_speech.PhraseSet.Phrase(value=phrase) for phrase in phrases]
                    )
                )
            ]
        )
    if options.denoise:
        config.denoiser_config = cloud_speech.DenoiserConfig(denoise_audio=True)
    return config
