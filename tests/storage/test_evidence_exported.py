"""Evidence of what a power cut left, which is signed later and may have torn a line of the history."""

from pathlib import Path

import pytest

from tawny.model.times import Span
from tawny.playback.evidence import EvidenceRequest, EvidenceResult, write_evidence
from tests.storage.test_clock_set_back import MAIN, PORCH, Box


def exported(box: Box, span: Span) -> EvidenceResult:
    asked = EvidenceRequest(PORCH, MAIN, span, "box", "tawny", box.clock.now_ms())
    return write_evidence(box.volume, box.index, asked, box.folder / "export", lambda _: pytest.fail(), lambda _: None)


def test_old_recordings_that_the_next_statement_lists_are_signed_soon(tmp_path: Path) -> None:
    """After a start that follows a long power cut."""
    box = Box(tmp_path)
    span = box.record(200)
    box.signed.write_items()
    box.clock.advance(10_800)
    check = exported(box, span).check
    assert (check.problems, check.waiting > 0) == ([], True)
    assert box.clock.now_ms() < check.until_ms <= box.clock.now_ms() + 660_000


def test_old_recordings_that_no_statement_will_list_are_a_problem(tmp_path: Path) -> None:
    box = Box(tmp_path)
    span = box.record(200)
    box.clock.advance(10_800)
    for path in (tmp_path / "data/history/signed").glob("items-*"):
        path.unlink()
    check = exported(box, span).check
    assert (check.waiting, bool(check.problems)) == (0, True)
