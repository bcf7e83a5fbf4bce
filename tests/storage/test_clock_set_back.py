"""Evidence of a recorder whose clock was wrong for a while: it holds, says so, and covers nothing backdated."""

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from tawny.engine import Bus, InlineEngine
from tawny.model.ids import CameraId, RunId, StreamName
from tawny.model.times import Span, utc_from_text, utc_text
from tawny.playback.evidence import EvidenceRequest, write_evidence
from tawny.recorder.recorder import SegmentRecorder
from tawny.sealed.evidence import CHAIN, EvidenceVerdict
from tawny.sealed.signing import read_signed
from tawny.sealed.statements import lines_of, list_name, statements_name
from tawny.storage.disk.volume import Volume
from tawny.storage.history.evidence_folder import EvidenceFolder, signer_of
from tawny.storage.history.signed_history import SignedHistory
from tawny.storage.index.memory_index import MemoryIndex
from tawny.storage.sealing.epoch_keys import EpochKeys
from tawny.stream.hub import Hub
from tawny.testing.clock import FakeClock
from tawny.testing.packet_feed import PacketFeed
from tests.storage.test_evidence import checked, told_by_program

PORCH, MAIN = CameraId("porch"), StreamName.MAIN
DAY_S = 86_400.0
AHEAD_S = 28 * DAY_S


class Box:
    """A recorder that is told when to record, when to sign, and how wrong its clock is."""

    def __init__(self, folder: Path, start_utc: str = "2026-11-20T05:00:00Z") -> None:
        self.folder, self.clock, self.index = folder, FakeClock(start_utc), MemoryIndex()
        disk = Volume.at(folder / "data").disk
        self.signed = SignedHistory.opened(disk, self.clock.now_ms())
        self.volume = Volume(disk, self.signed)
        self.seals = EpochKeys(self.signed, self.clock, lambda _: None)

    def record(self, seconds: int = 200, gop: int = 4, stream: StreamName = MAIN) -> Span:
        begin_ms, hub = self.clock.now_ms(), Hub()
        engine = InlineEngine(self.clock, lambda name, error: pytest.fail(f"{name}: {error!r}"))
        recorder = SegmentRecorder(self.volume, self.index, self.clock, Bus(), seals=self.seals)
        recorder.start(engine)
        recorder.add(PORCH, stream, hub)
        feed = PacketFeed(hub, self.clock, fps=1, gop=gop)
        for _ in range(seconds):
            feed.picture()
            engine.run_for(1)
        recorder.end_all()
        engine.run_for(1)
        return Span(begin_ms, self.clock.now_ms())

    def sign(self) -> None:
        assert self.signed.state(self.clock.now_ms())

    def turn(self, seconds: float, *, is_seen: bool = True) -> None:
        """Set the clock. is_seen: a running recorder notices and states it."""
        before_ms = self.clock.now_ms()
        self.clock.jump_utc(seconds)
        if is_seen:
            self.signed.add(["clock", before_ms, self.clock.now_ms()])

    def evidence(
        self, span: Span, name: str = "export", stream: StreamName = MAIN
    ) -> tuple[EvidenceVerdict, tuple[int, str]]:
        """What both programs say of it."""
        asked = EvidenceRequest(PORCH, stream, span, "box", "tawny", self.clock.now_ms())
        target = self.folder / name
        made = write_evidence(self.volume, self.index, asked, target, lambda _: pytest.fail("sealed"), lambda _: None)
        return checked(target, made.fingerprint), told_by_program(target, made.fingerprint)


@pytest.fixture
def box(tmp_path: Path) -> Box:
    made = Box(tmp_path)
    made.record()
    made.sign()
    made.clock.advance(600)
    return made


def test_evidence_after_a_clock_that_was_ahead_holds_and_says_so(box: Box) -> None:
    box.turn(AHEAD_S, is_seen=False)
    wrong = box.record()
    box.sign()
    box.turn(-AHEAD_S, is_seen=False)
    box.clock.advance(400)
    right = [box.record(), box.record()]
    box.sign()
    for name, span in zip("ab", right, strict=True):
        verdict, (code, answer) = box.evidence(span, name)
        assert (verdict.problems, code) == ([], 0), answer
        assert any("change of the recorder's clock, by 28 days" in note for note in verdict.notes), verdict.notes
        assert "or its clock changed. Only its order is proven" in answer
        assert verdict.until == utc_text(box.clock.now_ms()), "the time of the clock, not of the month to come"
    verdict, (code, answer) = box.evidence(wrong, "c")
    assert (verdict.problems, code) == ([], 0), "what was recorded by the wrong clock holds as well"
    assert not any("change of the recorder's clock" in note for note in verdict.notes)


def test_what_ended_right_before_the_clock_was_set_holds_both_ways(box: Box) -> None:
    before = box.record()
    box.turn(AHEAD_S)
    box.clock.advance(300)
    box.sign()
    ahead = box.record()
    box.turn(-AHEAD_S)
    box.clock.advance(300)
    box.sign()
    for name, span in (("a", before), ("b", ahead)):
        verdict, (code, answer) = box.evidence(span, name)
        assert (verdict.problems, code) == ([], 0), answer


def test_statements_go_on_from_the_latest_time_for_older_readers(box: Box) -> None:
    box.turn(AHEAD_S)
    box.sign()
    box.turn(-AHEAD_S)
    box.clock.advance(600)
    box.sign()
    day = utc_text(utc_from_text("2026-11-20T05:00:00Z") + round(AHEAD_S * 1000))[:10]
    first, second = lines_of(box.volume.disk.read(f"history/signed/{statements_name(day)}"))
    assert read_signed(second).content["time"] == read_signed(first).content["time"]
    assert "clock" not in read_signed(first).content
    assert read_signed(second).content["clock"] == utc_text(box.clock.now_ms())


def _turned(box: Box) -> None:
    box.turn(-DAY_S, is_seen=False)


def _told(box: Box) -> None:
    """The clock is right, but the history says that it was yesterday before."""
    now_ms = box.clock.now_ms()
    box.signed.add(["clock", now_ms - round(DAY_S * 1000), now_ms])


@pytest.mark.parametrize("how", [_turned, _told])
def test_a_thief_who_sets_the_clock_covers_nothing(box: Box, how: Callable[[Box], None]) -> None:
    """It was recorded all day; then a scene is made for an hour of the day before."""
    for _ in range(150):
        box.clock.advance(600)
        box.sign()
    scene = _scene(box, how)
    verdict, (code, answer) = box.evidence(scene)
    assert any("the clock was set back to a time that had been signed before" in one for one in verdict.problems)
    assert (code, "min after it ended" in answer) == (1, True)


def _scene(box: Box, how: Callable[[Box], None]) -> Span:
    box.clock.jump_utc(-DAY_S)
    scene = box.record()
    box.clock.jump_utc(DAY_S)
    how(box)
    box.clock.advance(60)
    box.sign()
    return scene


def test_the_day_that_contradicts_it_cannot_be_left_out(box: Box) -> None:
    for _ in range(150):
        box.clock.advance(600)
        box.sign()
    scene = _scene(box, _turned)
    box.evidence(scene)
    day, newest = "2026-11-20", "2026-11-21"
    assert {day, newest} <= _days_in(box.folder / "export")
    _is_missed(box, {day})


def _days_in(folder: Path) -> set[str]:
    return {path.stem.removeprefix(CHAIN) for path in folder.glob(f"{CHAIN}2*.jsonl")}


def _is_missed(box: Box, days: set[str]) -> None:
    """Without the statements of these days, both programs fail the export, though today's keys sign it."""
    whole, less = box.folder / "export", box.folder / "less"
    names = {CHAIN + name for day in days for name in (statements_name(day), list_name(day))}
    made = EvidenceFolder.begun(less)
    for name in sorted({path.name for path in whole.iterdir()} - names - {"manifest.json", "README.txt"}):
        made.put(name, [(whole / name).read_bytes()])
    received: dict[str, object] = {
        "recorder": "",
        "software": "",
        "camera": "",
        "from": "2026-11-01T00:00:00Z",
        "to": "2026-12-31T00:00:00Z",
        "made": "",
    }
    made.close(signer_of(box.volume.disk), received, [], "")
    problems = checked(less, box.signed.genesis).problems
    assert any(f"the statements of {min(days)} are missing" in one for one in problems), problems
    code, answer = told_by_program(less, box.signed.genesis)
    assert code == 1
    assert "statements from" in answer, answer


def _ahead_once(box: Box, days: float) -> None:
    box.turn(days * DAY_S)
    box.sign()
    box.turn(-days * DAY_S)
    box.clock.advance(600)


def _run(box: Box, hours: float) -> None:
    """The recorder is on, and signs."""
    for _ in range(round(hours * 6)):
        box.clock.advance(600)
        box.sign()


def test_a_time_that_was_signed_while_the_clock_was_behind_is_covered_by_nothing_else(box: Box) -> None:
    """Those statements are in the day file of the time that the clock had been at, which no film touches."""
    _ahead_once(box, 3)
    _run(box, 5 * 24)
    back_s = 4 * DAY_S
    box.clock.jump_utc(-back_s)
    scene = box.record()
    box.clock.jump_utc(back_s)
    box.turn(-back_s, is_seen=False)
    box.clock.advance(60)
    box.sign()
    verdict, (code, answer) = box.evidence(scene)
    assert any("the clock was set back to a time that had been signed before" in one for one in verdict.problems)
    assert (code, "min after it ended" in answer) == (1, True), answer
    assert {"2026-11-23", "2026-11-24", "2026-11-25"} <= _days_in(box.folder / "export")
    _is_missed(box, {"2026-11-23", "2026-11-24"})


@pytest.mark.parametrize(
    ("ahead", "hours", "needed"),
    [((3,), 26, {"2026-11-23"}), ((1, 3), 2, {"2026-11-20", "2026-11-21", "2026-11-23"})],
    ids=["once", "a day between"],
)
def test_what_is_recorded_while_the_clock_is_behind_holds_from_then_on(
    box: Box, ahead: tuple[int, ...], hours: int, needed: set[str]
) -> None:
    """Also where a day lies between that neither its time nor its statement is in."""
    for days in ahead:
        _ahead_once(box, days)
    _run(box, hours)
    honest = box.record()
    _run(box, 5 * 24)
    verdict, (code, answer) = box.evidence(honest)
    assert (verdict.problems, code) == ([], 0), answer
    assert any("change of the recorder's clock, by " in note for note in verdict.notes), verdict.notes
    assert "or its clock changed. Only its order is proven" in answer
    assert needed <= _days_in(box.folder / "export")
    if "2026-11-21" in needed:
        _is_missed(box, {"2026-11-21"})


@pytest.mark.plain
@pytest.mark.parametrize(
    ("before_s", "seconds", "problem"),
    [
        (1_150, 200, "the clock was set back to a time that had been signed before"),
        (1_450, 1_500, "longer than any that tawny records"),
    ],
    ids=["before", "across"],
)
def test_what_was_on_before_an_outage_is_not_covered(
    box: Box, monkeypatch: pytest.MonkeyPatch, before_s: int, seconds: int, problem: str
) -> None:
    """By a scene that ends before the last statement, or by one that is longer than the recorder's own."""
    monkeypatch.setattr("tawny.recorder.segmenter._LONGEST_S", 1e9)
    _run(box, 2)
    last_ms = box.clock.now_ms()
    box.clock.advance(3_600)
    _run(box, 25)
    box.clock.jump_utc((last_ms - box.clock.now_ms()) / 1000 - before_s)
    scene = box.record(seconds, gop=seconds)
    box.clock.advance((last_ms - box.clock.now_ms()) / 1000 + 150)
    box.sign()
    verdict, (code, answer) = box.evidence(scene)
    assert any(problem in one for one in verdict.problems), verdict.problems
    assert (code, "min after it ended" in answer) == (1, True), answer


@pytest.mark.plain
def test_one_long_recording_covers_no_time_that_was_signed(box: Box, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only the end of a recording is timed: it could begin on any day."""
    monkeypatch.setattr("tawny.recorder.segmenter._LONGEST_S", 1e9)
    scene = box.record(1_500, gop=1_500)
    box.sign()
    verdict, (code, answer) = box.evidence(Span(scene.begin_ms, scene.begin_ms + 60_000))
    assert any("longer than any that tawny records" in one for one in verdict.problems), verdict.problems
    assert (code, "too long, or stated" in answer) == (1, True), answer


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("2026-11-20T21:40:00.000+15:00", "the chain of statements is broken at 2026-11-20T21:40:00.000+15:00"),
        ("2026-W47-5T06:40:00.000Z", "a statement without a time"),
    ],
)
def test_a_time_that_reads_later_than_it_is_covers_nothing(
    box: Box, monkeypatch: pytest.MonkeyPatch, text: str, named: str
) -> None:
    """A text of a later hour or day, for a time of this morning."""
    _run(box, 15)
    box.clock.jump_utc((utc_from_text("2026-11-20T06:35:00Z") - box.clock.now_ms()) / 1000)
    scene = box.record()
    monkeypatch.setattr("tawny.storage.history.signed_history.utc_text", lambda _: text)
    with suppress(ValueError):
        box.sign()
    verdict, (code, answer) = box.evidence(scene)
    assert verdict.problems == [named]
    assert (code, "are missing, or old" in answer) == (1, True), answer


def test_the_log_says_once_that_the_clock_is_behind(box: Box, caplog: pytest.LogCaptureFixture) -> None:
    box.turn(AHEAD_S)
    box.sign()
    box.turn(-AHEAD_S)
    for _ in range(3):
        box.clock.advance(600)
        box.sign()
    assert caplog.text.count("The clock is behind the signed history") == 1


def _gone(box: Box, begin_ms: int, at: int) -> None:
    """Remove the file of a recording behind the recorder's back."""
    segment = box.index.segments(PORCH, MAIN, Span(begin_ms, 1 << 45))[at]
    box.volume.path(segment.path).unlink()


def _named_notes(verdict: EvidenceVerdict) -> list[str]:
    return [note for note in verdict.notes if note.startswith("recording")]


def test_recordings_of_other_times_around_a_clock_set_back_are_one_note(box: Box) -> None:
    first = box.record(900)
    box.sign()
    box.turn(-720)
    box.record(600)
    box.sign()
    box.clock.advance(1500)
    box.sign()
    span = Span(first.begin_ms + 300_000, first.begin_ms + 420_000)
    verdict, (code, answer) = box.evidence(span)
    assert (verdict.problems, code) == ([], 0), answer
    (note,) = _named_notes(verdict)
    assert "of another time, because the clock was set back, or deleted, or left out" in note
    assert "the clock was changed by -720 s" in verdict.notes
    _gone(box, span.begin_ms + 60_000, 0)
    verdict, _ = box.evidence(span, "less")
    assert any("exists but isn't in this folder: left out or removed" in note for note in _named_notes(verdict))


def test_what_was_filled_in_later_is_one_note_and_hides_no_removal(box: Box, monkeypatch: pytest.MonkeyPatch) -> None:
    first = box.record(300)
    box.clock.advance(60)
    last = box.record(300)
    for _ in range(3):
        box.sign()
        box.record(600)
    back_s = (box.clock.now_ms() - first.end_ms) / 1000
    real = PacketFeed.begin_run

    def from_card(feed: PacketFeed) -> None:
        real(feed)
        feed.run = RunId("card-1")

    monkeypatch.setattr(PacketFeed, "begin_run", from_card)
    box.clock.jump_utc(-back_s)
    box.record(58)
    box.clock.jump_utc(back_s - 58)
    box.sign()
    box.clock.advance(600)
    box.sign()
    span = Span(first.begin_ms, last.end_ms)
    verdict, (code, answer) = box.evidence(span)
    assert (verdict.problems, code) == ([], 0), answer
    (note,) = _named_notes(verdict)
    assert "of another time, because video was filled in later, or deleted, or left out" in note
    _gone(box, first.begin_ms, 2)
    verdict, _ = box.evidence(span, "less")
    assert any("exists but isn't in this folder: left out or removed" in note for note in _named_notes(verdict))
    assert len(_named_notes(verdict)) == 2
