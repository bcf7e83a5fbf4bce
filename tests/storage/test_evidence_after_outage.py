"""Evidence of what a recorder signed late, because it was off: it holds, says so, and covers nothing put in later."""

from pathlib import Path

import pytest

from tests.storage.test_clock_set_back import Box


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
    verdict, (code, said) = box.evidence(last)
    assert (verdict.problems, code) == ([], 0), said
    assert any(f"were signed {late} after they ended, with nothing signed between" in one for one in verdict.notes)
    assert "min after it ended: the recorder was off" in said


def test_what_the_first_statement_after_an_outage_did_not_list_is_refused(box: Box) -> None:
    """Made afterwards, for the time in which the recorder was off."""
    box.clock.advance(10_800)
    box.sign()
    box.clock.jump_utc(-7_200)
    scene = box.record()
    box.clock.jump_utc(7_200)
    box.sign()
    verdict, (code, said) = box.evidence(scene)
    assert any("min after its stated end" in one for one in verdict.problems), verdict.problems
    assert (code, "min after it ended" in said) == (1, True), said
