"""Evidence of what was left: by a power cut, which may have torn a line of the history, and on a fallback disk."""

from dataclasses import dataclass
from pathlib import Path

import pytest

from tawny.model.times import Span
from tawny.playback.evidence import EvidenceRequest, EvidenceResult, write_evidence
from tawny.storage.disk.disk import RealDisk
from tawny.storage.disk.secondary_volumes import VolumeUse, join
from tawny.storage.history.ledger import HistoryJournal
from tawny.storage.index.opening import rebuild
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


def test_an_export_says_how_many_were_signed_late(tmp_path: Path) -> None:
    box = Box(tmp_path)
    box.record(60)
    box.sign()
    span = box.record(60)
    box.clock.advance(10_800)
    box.sign()
    made = exported(box, span)
    late = made.check.signed_late
    assert late > 0
    assert f"{late} of {made.recordings} recordings were signed late" in made.words


def test_old_recordings_that_no_statement_will_list_are_a_problem(tmp_path: Path) -> None:
    box = Box(tmp_path)
    span = box.record(200)
    box.clock.advance(10_800)
    for path in (tmp_path / "data/history/signed").glob("items-*"):
        path.unlink()
    check = exported(box, span).check
    assert (check.waiting, bool(check.problems)) == (0, True)


def test_a_statement_that_is_made_meanwhile_does_not_end_an_export(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It removes the list of what it has signed."""
    box = Box(tmp_path)
    span = box.record(200)
    box.sign()
    box.record(60)
    box.signed.write_items()
    read, removed = RealDisk.read, list[str]()

    def read_late(disk: RealDisk, path: str, offset: int = 0, size: int | None = None) -> bytes:
        if "/items-" in path and not removed:
            removed.append(path)
            box.sign()
        return read(disk, path, offset, size)

    monkeypatch.setattr(RealDisk, "read", read_late)
    check = exported(box, span).check
    assert (check.problems, len(removed)) == ([], 1)


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
    code, answer = told_by_program(tmp_path / "export", made.fingerprint)
    assert (checked(tmp_path / "export", made.fingerprint).problems, code) == ([], 0), answer


@dataclass
class TwoDisks:
    """A recorder whose main disk was missing for a while. spans: recorded on the main disk, then on the fallback."""

    main: Box
    fallback: Box
    spans: tuple[Span, Span]


@pytest.fixture
def both(tmp_path: Path) -> TwoDisks:
    (tmp_path / "fallback/data").mkdir(parents=True)
    main = Box(tmp_path / "main")
    first = main.record(200)
    main.sign()
    fallback = Box(tmp_path / "fallback", "2026-11-20T06:00:00Z")
    second = fallback.record(200)
    fallback.sign()
    join(main.volume, tmp_path / "fallback/data", VolumeUse.SPARE)
    rebuild(main.volume, main.index, HistoryJournal(main.volume.disk))
    main.clock.advance(40 * 86_400)
    main.sign()
    return TwoDisks(main, fallback, (first, second))


def test_a_time_on_the_fallback_disk_holds_by_its_fingerprint(both: TwoDisks) -> None:
    made = exported(both.main, both.spans[1])
    assert made.fingerprint == both.fallback.signed.genesis != both.main.signed.genesis
    assert (made.check.problems, made.check.waiting, made.unreadable) == ([], 0, ())
    assert "its fallback disk's, not on the recovery sheet" in (both.main.folder / "export/README.txt").read_text()
    assert f"the fallback disk {both.fallback.volume.root}, not of the main disk" in made.words
    code, answer = told_by_program(both.main.folder / "export", made.fingerprint)
    assert code == 0, answer


def test_a_time_on_both_disks_has_the_first_and_names_the_other(both: TwoDisks) -> None:
    first, second = both.spans
    made = exported(both.main, Span(first.begin_ms, second.end_ms))
    assert (made.fingerprint, made.check.problems) == (both.main.signed.genesis, [])
    assert made.words == f"Recorder fingerprint: {made.fingerprint}"
    (lost,) = made.unreadable
    assert (lost.begin_ms, lost.detail) == (second.begin_ms, "it was signed on another disk, so export its time apart")
