"""Evidence of a recorder whose clock was wrong for a while: it holds, says so, and covers nothing backdated."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tawny.engine import Bus, InlineEngine
from tawny.model.ids import CameraId, StreamName
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

    def record(self, seconds: int = 200) -> Span:
        begin_ms, hub = self.clock.now_ms(), Hub()
        engine = InlineEngine(self.clock, lambda name, error: pytest.fail(f"{name}: {error!r}"))
        recorder = SegmentRecorder(self.volume, self.index, self.clock, Bus(), seals=self.seals)
        recorder.start(engine)
        recorder.add(PORCH, MAIN, hub)
        feed = PacketFeed(hub, self.clock, fps=1, gop=4)
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

    def evidence(self, span: Span, name: str = "export") -> tuple[EvidenceVerdict, tuple[int, str]]:
        """What both programs say of it."""
        asked = EvidenceRequest(PORCH, MAIN, span, "box", "tawny", self.clock.now_ms())
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
        verdict, (code, said) = box.evidence(span, name)
        assert (verdict.problems, code) == ([], 0), said
        assert any("change of the recorder's clock, by 28 days" in note for note in verdict.notes), verdict.notes
        assert "To know: the clock was changed when 000 was signed" in said
        assert verdict.until == utc_text(box.clock.now_ms()), "the time of the clock, not of the month to come"
    verdict, (code, said) = box.evidence(wrong, "c")
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
        verdict, (code, said) = box.evidence(span, name)
        assert (verdict.problems, code) == ([], 0), said


def test_statements_go_on_from_the_latest_time_for_older_readers(box: Box) -> None:
    box.turn(AHEAD_S)
    box.sign()
    box.turn(-AHEAD_S)
    box.clock.advance(600)
    box.sign()
    day = utc_text(utc_from_text("2026-11-20T05:00:00Z") + round(AHEAD_S * 1000))[:10]
    first, second = lines_of(box.volume.disk.read(f"history/signed/{statements_name(day)}"))
    assert read_signed(second).said["time"] == read_signed(first).said["time"]
    assert "clock" not in read_signed(first).said
    assert read_signed(second).said["clock"] == utc_text(box.clock.now_ms())


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
    verdict, (code, said) = box.evidence(scene)
    assert any("the clock was set back to a time that had been signed before" in one for one in verdict.problems)
    assert (code, "min after it ended" in said) == (1, True)


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
    whole = box.folder / "export"
    box.evidence(scene)
    files = {path.name for path in whole.iterdir()}
    day, newest = "2026-11-20", "2026-11-21"
    assert {CHAIN + statements_name(one) for one in (day, newest)} <= files
    made = EvidenceFolder.begun(box.folder / "less")
    for name in sorted(files - {CHAIN + statements_name(day), CHAIN + list_name(day), "manifest.json", "README.txt"}):
        made.put(name, [(whole / name).read_bytes()])
    said: dict[str, object] = {"recorder": "", "software": "", "camera": "", "from": "", "to": "", "made": ""}
    made.derived = {}
    made.close(signer_of(box.volume.disk), said, [], "")
    verdict = checked(box.folder / "less", box.signed.genesis)
    assert any(f"the statements of {day} are missing" in one for one in verdict.problems), verdict.problems
    assert "are missing" in told_by_program(box.folder / "less", box.signed.genesis)[1]


def test_the_log_says_once_that_the_clock_is_behind(box: Box, caplog: pytest.LogCaptureFixture) -> None:
    box.turn(AHEAD_S)
    box.sign()
    box.turn(-AHEAD_S)
    for _ in range(3):
        box.clock.advance(600)
        box.sign()
    assert caplog.text.count("The clock is behind the signed history") == 1
