"""Pieces as files: exactly the sound of their stretch, whatever is cut and however often."""

from pathlib import Path

import numpy as np
import pytest

from shared.errors import MediaError
from tests.fixtures.audio import tone_wav
from tests.fixtures.media import prepared
from tests.unit.worker_service.conftest import Prepare
from worker_service.pieces.cutting import Span
from worker_service.pieces.files import cut


async def test_a_piece_is_its_stretch_sample_for_sample(run: Prepare, tmp_path: Path) -> None:
    source = tmp_path / "a.wav"
    source.write_bytes(tone_wav(7.0))
    whole = (await run(source)).path
    spans = {0: Span(0, 3_001), 3: Span(2_503, 5_000), 4: Span(4_999, 7_000)}
    files = await cut(whole, tmp_path, spans)
    sound = prepared(whole)
    for n, span in spans.items():
        assert np.array_equal(prepared(files[n]), sound[span.start_ms * 16 : span.end_ms * 16])


async def test_what_is_no_audio_is_said_to_be_none(tmp_path: Path) -> None:
    (tmp_path / "a.flac").write_bytes(b"fLaC" + bytes(100))
    with pytest.raises(MediaError, match="prepared audio cannot be read"):
        await cut(tmp_path / "a.flac", tmp_path, {0: Span(0, 10)})
