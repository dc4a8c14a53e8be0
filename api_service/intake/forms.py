"""The text fields of an upload: collected as they come, bounded, and made into a SessionForm."""

import difflib
import json
from typing import Any, Final

from pydantic import ValidationError

from api_service.http.validation import invalid, wrong_field
from shared.schemas.orders import MAX_PHRASES, RecordingOrder, SessionForm

AUDIO: Final = "audio"
MAX_FIELD_BYTES: Final = 16 * 1024
MAX_FIELDS_BYTES: Final = 128 * 1024

_USUAL_NAMES: Final = frozenset({"file", "upload", "recording", "media", "video", "data"})
"""What other APIs call the field with the file."""

_REPEATABLE: Final = "phrases"
_AS_JSON: Final = "metadata"
_NOT_BESIDE_A_FILE: Final = frozenset(RecordingOrder.model_fields) - frozenset(SessionForm.model_fields)
_KNOWN: Final = frozenset(SessionForm.model_fields)


class FormFields:
    """What the text fields said so far."""

    def __init__(self) -> None:
        self.values: dict[str, list[str]] = {}
        self._bytes = 0

    def expect(self, name: str) -> None:
        """Refuse a field that is unknown, or here already."""
        if name in _NOT_BESIDE_A_FILE:
            raise wrong_field(name, "stands in a JSON body, in the place of a file")
        if name not in _KNOWN:
            near = [AUDIO] if name in _USUAL_NAMES else difflib.get_close_matches(name, [*_KNOWN, AUDIO], n=1)
            hint = f"; did you mean `{near[0]}`" if near else ""
            raise wrong_field(name[:100], f"there is no such field{hint}")
        if name in self.values and name != _REPEATABLE:
            raise wrong_field(name, "is given twice")
        if len(self.values.get(name, ())) >= MAX_PHRASES:
            raise wrong_field(name, f"is given more than {MAX_PHRASES} times")

    def add(self, name: str, value: bytes) -> None:
        """Take the value of a field that was expected."""
        self.check_size(name, len(value))
        self._bytes += len(value)
        try:
            text = value.decode()
        except UnicodeDecodeError:
            raise wrong_field(name, "must be UTF-8") from None
        self.values.setdefault(name, []).append(text)

    def check_size(self, name: str, size: int) -> None:
        """Refuse a field that is, or has already grown, too long."""
        if size > MAX_FIELD_BYTES:
            raise wrong_field(name, f"is longer than {MAX_FIELD_BYTES} bytes")
        if self._bytes + size > MAX_FIELDS_BYTES:
            raise wrong_field(name, f"with it the fields take more than {MAX_FIELDS_BYTES} bytes")

    def build(self) -> SessionForm:
        """What the fields say together; an empty field is one that was left out, as HTML forms send them.

        Raises InvalidRequestError that names every wrong field.
        """
        values: dict[str, Any] = {name: texts[0] for name, texts in self.values.items() if texts[0].strip()}
        if _REPEATABLE in self.values:
            values[_REPEATABLE] = self._phrases()
        if _AS_JSON in values:
            values[_AS_JSON] = _json(_AS_JSON, values[_AS_JSON])
        try:
            return SessionForm.model_validate(values)
        except ValidationError as error:
            raise invalid(error.errors(include_url=False, include_input=False), "form") from None

    def _phrases(self) -> Any:
        """The field once as a JSON array, or any number of times as text."""
        texts = [text for text in self.values[_REPEATABLE] if text.strip()]
        if len(texts) == 1 and texts[0].lstrip().startswith("["):
            return _json(_REPEATABLE, texts[0])
        return texts


def _json(name: str, text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        raise wrong_field(name, "is not JSON") from None


def recording_order(body: bytes) -> RecordingOrder:
    """What a JSON body says in the place of a form; InvalidRequestError that names every wrong member."""
    try:
        return RecordingOrder.model_validate_json(body)
    except ValidationError as error:
        raise invalid(error.errors(include_url=False, include_input=False), "body") from None
