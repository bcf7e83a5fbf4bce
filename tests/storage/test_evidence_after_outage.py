"""Evidence of what a recorder signed late, because it was off: it holds, says so, and covers nothing put in later."""

from pathlib import Path

import pytest

from tawny.model.ids import StreamName
from tawny.model.times import Span
from tawny.storage.index.memory_index import MemoryIndex
from tests.storage.test_clock_set_back import MAIN, PORCH, Box

COVERED = "recordings that were signed before it are of its time"


@pytest.fixture
def box(tmp_path: Path) -> Box:
    made = Box(tmp_path)
    made.record()
    made.sign()
    return made


@pytest.mark.parametrize(("off_s", "late"), [(1_200, "26 min"), (10_800, "3 h"), (30 * 86_400, "30 days")])
def test_what_a_power_cut_left_holds_and_says_how_late_it_was_signed(box: Box, off_s: int, late: str) -> None:
    last = box.record()
    box.clock.advance(off_s)
    box.record()
    box.sign()
    verdict, (code, answer) = box.evidence(last)
    assert (verdict.problems, code) == ([], 0), answer
    assert any(f"were signed {late} after they ended, with nothing signed between" in one for one in verdict.notes)
    assert "min after it ended: the recorder was off" in answer


def test_what_the_first_statement_after_an_outage_did_not_list_is_refused(box: Box) -> None:
    """Made afterwards, for the time in which the recorder was off."""
    box.clock.advance(10_800)
    box.sign()
    box.clock.jump_utc(-7_200)
    scene = box.record()
    box.clock.jump_utc(7_200)
    box.sign()
    verdict, (code, answer) = box.evidence(scene)
    assert any("min after its stated end" in one for one in verdict.problems), verdict.problems
    assert (code, "min after it ended" in answer) == (1, True), answer


def _scene(box: Box, end_ms: int, seconds: int, stream: StreamName = MAIN) -> Span:
    """Made after an outage with the clock set back, until this time, and signed by the first statement after it."""
    box.clock.advance(10_800)
    now_ms = box.clock.now_ms()
    box.clock.jump_utc((end_ms - now_ms) / 1000 - seconds)
    scene = box.record(seconds, gop=700, stream=stream)
    box.clock.jump_utc((now_ms - box.clock.now_ms()) / 1000)
    box.sign()
    return scene


@pytest.mark.parametrize("stream", [MAIN, StreamName.SUB])
def test_a_time_in_which_minutes_were_recorded_without_a_gap_is_refused(box: Box, stream: StreamName) -> None:
    """Also by another stream of the camera."""
    box.record(600)
    box.sign()
    box.index = MemoryIndex()  # the folder has only the scene
    scene = _scene(box, box.clock.now_ms() - 59_000, 500, stream)
    verdict, (code, answer) = box.evidence(scene, stream=stream)
    assert any(COVERED in one for one in verdict.problems), verdict.problems
    assert (code, "of a time signed before" in answer) == (1, True), answer


def test_a_time_that_recordings_of_the_folder_are_of_is_refused(box: Box) -> None:
    recorded = box.record(100)
    box.sign()
    scene = _scene(box, box.clock.now_ms() - 10_000, 80)
    verdict, (code, answer) = box.evidence(Span(recorded.begin_ms, scene.end_ms))
    assert any(COVERED in one for one in verdict.problems), verdict.problems
    assert (code, "of a time signed before" in answer) == (1, True), answer


def test_a_long_file_that_was_open_at_the_last_statement_holds(box: Box) -> None:
    """The file has no keyframe, so that it lasts nine minutes; two others were signed before it."""
    box.record(120)
    begin_ms = box.clock.now_ms()
    box.clock.advance(450)
    box.sign()
    now_ms = box.clock.now_ms()
    box.clock.jump_utc((begin_ms - now_ms) / 1000)
    last = box.record(500, gop=700)
    box.clock.advance(10_800)
    box.sign()
    verdict, (code, answer) = box.evidence(last)
    assert (verdict.problems, code) == ([], 0), answer


def _open_at_a_statement(box: Box, open_s: int) -> Span:
    """Record a long file of which a statement is made after this time, and end with an outage soon after that."""
    begin_ms = box.clock.now_ms()
    box.clock.advance(open_s)
    box.sign()
    box.clock.jump_utc((begin_ms - box.clock.now_ms()) / 1000)
    box.index = MemoryIndex()  # the folder has only this one
    last = box.record(open_s + 10, gop=700)
    box.clock.advance(10_800)
    box.sign()
    return last


def test_short_files_around_gaps_fill_no_time(box: Box) -> None:
    """Ten files of 20 s were signed, which would be seven minutes without the gaps."""
    for _ in range(10):
        box.record(20)
        gap_ms = box.clock.now_ms()
        box.clock.advance(10)
        box.signed.add(["gap", box.signed.camera(PORCH).hex(), gap_ms, box.clock.now_ms(), "no_video"])
    verdict, (code, answer) = box.evidence(_open_at_a_statement(box, 250))
    assert (verdict.problems, code) == ([], 0), answer


def test_files_of_an_earlier_time_fill_no_time(box: Box) -> None:
    """They are more minutes than fit between the two statements, as when a gap was filled."""
    now_ms = box.clock.now_ms()
    box.clock.jump_utc(-3000)
    box.record(1500)
    box.clock.jump_utc((now_ms - box.clock.now_ms()) / 1000 + 300)
    verdict, (code, answer) = box.evidence(_open_at_a_statement(box, 280))
    assert (verdict.problems, code) == ([], 0), answer
