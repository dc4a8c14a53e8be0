"""What the Locations API says that a location can do, as models of our table (`shared.google.speech`)."""

from collections import defaultdict
from typing import Final

from google.cloud.speech_v2.types import locations_metadata

from shared.google.speech import Model

_DIARIZATION: Final = "speaker_diarization"


def models(metadata: "locations_metadata.LocationsMetadata") -> tuple[Model, ...]:
    """The models of a location: their languages, and those in which they tell voices apart."""
    languages: dict[str, set[str]] = defaultdict(set)
    diarizes: dict[str, set[str]] = defaultdict(set)
    for language, known in metadata.languages.models.items():
        for name, features in known.model_features.items():
            languages[name].add(language)
            if any(feature.feature == _DIARIZATION for feature in features.model_feature):
                diarizes[name].add(language)
    return tuple(
        Model(name, languages=frozenset(codes), diarizes=frozenset(diarizes[name]))
        for name, codes in sorted(languages.items())
    )
