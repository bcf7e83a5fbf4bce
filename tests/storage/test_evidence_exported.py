"""Evidence of what was left: by a power cut, which is signed later and may have torn a line of the history."""

from pathlib import Path

import pytest

from tawny.model.times import Span
from tawny.playback.evidence import EvidenceRequest, EvidenceResult, write_evidence
from tests.storage.test_clock_set_back import MAIN, PORCH, Box
from tests.storage.test_evidence import checked, told_by_program


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


@pytest.mark.parametrize(
    ("name", "torn"),
    [("2026-11-20.jsonl", b'{"clock'), ("2026-11-20.list", b'[["file","8d3'), ("days.jsonl", b'{"day":"2026-11')],
)
def test_a_line_that_a_power_cut_tore_is_not_copied(tmp_path: Path, name: str, torn: bytes) -> None:
    box = Box(tmp_path)
    span = box.record(200)
    box.sign()
    with (tmp_path / "data/history/signed" / name).open("ab") as file:
        file.write(torn)
    made = exported(box, span)
    code, said = told_by_program(tmp_path / "export", made.fingerprint)
    assert (checked(tmp_path / "export", made.fingerprint).problems, code) == ([], 0), said
