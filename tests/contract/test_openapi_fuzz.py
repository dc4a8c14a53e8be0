"""A short run of the requests that `python -m tests.contract.fuzz` draws: every answer is one the document tells of."""

from pathlib import Path

from tests.contract.fuzz import run


async def test_every_answer_is_one_that_the_document_tells_of(
    database_url: str, redis_url: str, tmp_path: Path
) -> None:
    """F41, F43: whatever is sent, a clear answer, and never a 500."""
    found = await run(database_url, redis_url, tmp_path, cases=120, seed=1)
    assert found.cases >= 120
    assert found.statuses[200] > 0, "some requests get through to what they ask for"
    assert not found.wrong, str(found)
