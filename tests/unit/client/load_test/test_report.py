"""What a load test says of its samples: figures, the terminal's report, the drawing."""

import io
from datetime import UTC, datetime, timedelta
from pathlib import Path
from xml.etree import ElementTree

import pytest
from rich.console import Console

from client.load_test import chart, report
from client.load_test.samples import Sample, quantile, summarise
from client.load_test.tone import write_tone
from shared.sources.containers import sniff

NOON = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)


def sample(n: int, *, began: float = 0.0, run: float = 10.0, status: str = "succeeded") -> Sample:
    ended = NOON + timedelta(seconds=began + 0.5 + 1.5 + run)
    return Sample(
        n, upload=0.5, wait=1.5, run=run, began=NOON + timedelta(seconds=began), ended=ended, status=status,
        error=None if status == "succeeded" else "engine_failed", audio_s=60.0,
    )  # fmt: skip


SAMPLES = [
    *(sample(n, began=n, run=float(n)) for n in range(1, 101)),
    sample(101, status="failed"),
    Sample(102, error="overloaded"),
]


def test_the_figures_of_the_older_guide() -> None:
    summary = summarise(SAMPLES)
    assert (summary.tasks, summary.successful, summary.failed) == (102, 100, 2)
    assert summary.total_s == 202.0  # from the failed one's start at 0 to the end of the hundredth
    assert summary.average_s == pytest.approx(202 / 102)
    assert summary.per_minute == pytest.approx(100 / 202 * 60)
    assert summary.speed == pytest.approx(6000 / 202)
    assert summary.errors == {"engine_failed": 1, "overloaded": 1}


def test_percentiles_are_nearest_ranks_of_those_that_succeeded() -> None:
    run = summarise(SAMPLES).quantiles["run"]
    assert run == {"min": 1.0, "p50": 50.0, "p90": 90.0, "p95": 95.0, "p99": 99.0, "max": 100.0}
    assert summarise(SAMPLES).quantiles["total"]["p50"] == 52.0
    assert [quantile([1.0], share) for share in (0.0, 0.5, 1.0)] == [1.0, 1.0, 1.0]


def test_a_batch_without_a_success_still_reports() -> None:
    summary = summarise([Sample(1, error="overloaded")])
    assert (summary.total_s, summary.per_minute, summary.quantiles) == (0.0, 0.0, {})
    assert "overloaded" in printed([Sample(1, error="overloaded")])
    parsed(chart.draw([Sample(1, error="overloaded")], summary, "nothing"))


def parsed(svg: str) -> ElementTree.Element:
    return ElementTree.fromstring(svg)  # noqa: S314  (we have just written it)


def printed(samples: list[Sample]) -> str:
    console = Console(file=io.StringIO(), width=100, color_system=None, _environ={})
    for part in report.render(samples, summarise(samples)):
        console.print(part)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_the_report_has_the_older_guide_s_lines_and_a_histogram() -> None:
    text = printed(SAMPLES)
    for line in (
        "Load Test Results:",
        "Total tasks:            102",
        "Successful:             100",
        "Failed:                 2",
        "Total time:             202.00 seconds",
        "Average time per task:  1.98 seconds",
        "Tasks per minute:       29.7",
        "1 x engine_failed",
    ):
        assert line in text
    bars = [line for line in text.splitlines() if "█" in line]
    assert len(bars) == 10
    assert sum(int(line.split()[-1]) for line in bars) == 100


def test_all_equal_times_are_one_bar() -> None:
    bars = [line for line in printed([sample(n) for n in range(5)]).splitlines() if "█" in line]
    assert [line.split()[-1] for line in bars] == ["5"]


def test_the_drawing_has_a_line_a_recording_in_true_lengths() -> None:
    svg = parsed(chart.draw(SAMPLES, summarise(SAMPLES), "102 x <tone> & more"))
    space = "{http://www.w3.org/2000/svg}"
    assert svg.findtext(f"{space}title") == "102 x <tone> & more"
    rows: dict[str, list[float]] = {}
    for rect in svg.iter(f"{space}rect"):
        if 84 <= float(rect.attrib["y"]) < 384:
            rows.setdefault(rect.attrib["y"], []).append(float(rect.attrib["width"]))
    assert len(rows) == 102
    longest = max(rows.values(), key=sum)
    assert longest[2] / longest[0] == pytest.approx(
        200, rel=0.05
    )  # a run of 100 s, an upload of half a second
    width = float(svg.attrib["viewBox"].split()[2])
    for rect in svg.iter(f"{space}rect"):
        assert 0 <= float(rect.attrib["x"]) <= float(rect.attrib["x"]) + float(rect.attrib["width"]) <= width


def test_the_tone_is_a_recording(tmp_path: Path) -> None:
    path = tmp_path / "tone.wav"
    write_tone(path, 2)
    assert path.stat().st_size == 44 + 2 * 2 * 16_000
    found = sniff(path.read_bytes()[:4096])
    assert found is not None
    assert found.name == "wav"
