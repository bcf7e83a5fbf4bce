"""The first statement after a start: early for what a power cut left, so that its evidence holds."""

from pathlib import Path

import pytest

from tawny.config.settings import Settings
from tawny.engine import Bus, InlineEngine
from tawny.service.sealing.policy import EVERY_S, MOST_BEHIND_S, SealingPolicy
from tawny.storage.disk.volume import Volume
from tawny.storage.history.signed_files import waiting_items
from tawny.storage.history.signed_history import SignedHistory
from tests.storage.test_clock_set_back import Box


def start(box: Box, left_ms: int) -> InlineEngine:
    """Start a recorder's statements on this disk, after what was left there has been found."""
    return started(box, left_ms)[1]


def started(box: Box, left_ms: int) -> tuple[SealingPolicy, InlineEngine]:
    disk = Volume.at(box.folder / "data").disk
    box.signed = SignedHistory.opened(disk, box.clock.now_ms())
    box.volume = Volume(disk, box.signed)
    engine = InlineEngine(box.clock, lambda name, error: pytest.fail(f"{name}: {error!r}"))
    policy = SealingPolicy(box.volume, box.clock, Bus(), Settings, left_ms=left_ms)
    policy.start(engine)
    return policy, engine


def statements(box: Box) -> int:
    head = box.signed.head
    assert head is not None
    return head.n


def test_what_a_power_cut_left_is_signed_at_once_and_proven(tmp_path: Path) -> None:
    box = Box(tmp_path)
    recorded = box.record(540)
    box.signed.write_items()
    box.clock.advance(540)
    engine = start(box, recorded.end_ms)
    before = statements(box)
    engine.run_for(EVERY_S - 60)
    assert statements(box) == before + 1
    box.clock.advance(600)
    verdict, (code, answer) = box.evidence(recorded)
    assert (verdict.problems, code) == ([], 0), answer


def test_a_start_with_nothing_new_makes_no_statement(tmp_path: Path) -> None:
    box = Box(tmp_path)
    recorded = box.record(60)
    box.sign()
    engine = start(box, recorded.end_ms)
    before = statements(box)
    engine.run_for(EVERY_S - 60)
    assert statements(box) == before
    engine.run_for(120)
    assert statements(box) == before + 1


@pytest.mark.parametrize("behind_s", [100, EVERY_S + 120])
def test_what_a_power_cut_left_is_not_signed_by_a_clock_that_is_behind(tmp_path: Path, behind_s: float) -> None:
    """The statement would be earlier than what it states, as by a computer without a clock of its own."""
    box = Box(tmp_path)
    recorded = box.record(60)
    box.signed.write_items()
    box.clock.jump_utc(-3600)
    engine = start(box, recorded.end_ms)
    before = statements(box)
    engine.run_for(behind_s)
    assert statements(box) == before + int(behind_s / EVERY_S), "what is recorded now is signed as usual"
    assert box.signed.unstated_files, "what the power cut left is not"
    box.clock.jump_utc(3900)
    engine.run_for(60)
    assert not box.signed.unstated_files
    verdict, (code, answer) = box.evidence(recorded)
    assert (verdict.problems, code) == ([], 0), answer


def test_a_clock_that_is_behind_for_an_hour_signs_nevertheless(tmp_path: Path) -> None:
    """It may have been ahead before."""
    box = Box(tmp_path)
    recorded = box.record(60)
    box.signed.write_items()
    box.clock.jump_utc(-30 * 86_400)
    engine = start(box, recorded.end_ms)
    engine.run_for(MOST_BEHIND_S - 60)
    assert box.signed.unstated_files
    engine.run_for(120)
    assert not box.signed.unstated_files


def test_what_a_clock_that_is_behind_leaves_unsigned_is_left_to_the_next_start(tmp_path: Path) -> None:
    box = Box(tmp_path)
    recorded = box.record(60)
    box.signed.write_items()
    box.clock.jump_utc(-3600)
    policy, engine = started(box, recorded.end_ms)
    before = statements(box)
    engine.run_for(100)
    policy.finish()
    assert statements(box) == before + 1
    waiting = [item for item in waiting_items(box.volume.disk) if item[0] == "file"]
    assert len(waiting) == 1, "as checks and exports see it meanwhile"
    box.clock.jump_utc(3600)
    engine = start(box, recorded.end_ms)
    assert len(box.signed.unstated_files) == 1
    engine.run_for(60)
    verdict, (code, answer) = box.evidence(recorded)
    assert (verdict.problems, code) == ([], 0), answer
