"""A stranger checks an hour: with a gap, a removed minute and a thinned span, on a machine that has no recorder."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from tawny.engine import Bus, InlineEngine
from tawny.model.ids import StreamName
from tawny.model.segments import Gap, GapReason
from tawny.model.times import Span
from tawny.playback.evidence import EvidenceRequest, write_evidence
from tawny.recorder.recorder import SegmentRecorder
from tawny.sealed.file_reader import SealedFileReader, open_sealed
from tawny.storage.disk.volume import Volume
from tawny.storage.history.file_signing import read_sealed
from tawny.storage.history.ledger import HistoryJournal, HistoryLedger
from tawny.storage.history.signed_history import SignedHistory
from tawny.storage.index.memory_index import MemoryIndex
from tawny.storage.retention.removal import Removal, remove_segments
from tawny.storage.retention.thinning import thin
from tawny.storage.sealing.epoch_keys import CameraSealing, EpochKeys
from tawny.stream.hub import Hub
from tawny.testing.clock import FakeClock
from tawny.testing.packet_feed import PacketFeed
from tests.storage.test_proof import MAIN, OWNER, PORCH

PROGRAM = Path(__file__).parents[2] / "docs" / "verify.py"
_TAWNY = "import sys; from tawny.cli.main import main; sys.exit(main(sys.argv[1:]))"
BEGIN = "2026-11-20T05:50:00Z"


class Hour:
    """A recorder's hour, stated every ten minutes; in the middle the camera was away for half a minute."""

    def __init__(self, folder: Path, *, sealed: bool) -> None:
        self.clock, self.index, disk = FakeClock(BEGIN), MemoryIndex(), Volume.at(folder).disk
        self.begin_ms = self.clock.now_ms()
        self.signed = SignedHistory.opened(disk, self.begin_ms)
        self.volume = Volume(disk, self.signed)
        seals = EpochKeys(self.signed, self.clock, lambda _: CameraSealing((OWNER.recipient,)) if sealed else None)
        engine = InlineEngine(self.clock, lambda name, error: pytest.fail(f"{name}: {error!r}"))
        recorder, hub = SegmentRecorder(self.volume, self.index, self.clock, Bus(), seals=seals), Hub()
        self.ledger = HistoryLedger(HistoryJournal(self.volume.disk), self.index, self.clock)
        recorder.start(engine)
        recorder.add(PORCH, MAIN, hub)
        feed = PacketFeed(hub, self.clock, fps=1, gop=4)
        for second in range(3600):
            is_away = 1800 <= second < 1830
            if second == 1830:
                feed.begin_run()
                gap = Gap(PORCH, self.clock.now_ms() - 30_000, self.clock.now_ms(), GapReason.STALLED)
                self.index.put_gap(gap)
                self.signed.add(["gap", self.signed.camera(PORCH).hex(), gap.begin_ms, gap.end_ms, "stalled"])
            if not is_away:
                feed.picture()
            engine.run_for(1)
            if second % 600 == 599:
                assert self.signed.state(self.clock.now_ms())
        recorder.end_all()
        engine.run_for(5)
        segments = self.index.segments(PORCH, MAIN, self.span)
        remove_segments(self.volume, self.index, self.ledger, self.clock, [Removal(segments[5], "older than 1 hour")])
        for segment in segments[40:43]:
            thin(self.volume, self.index, segment)
        assert self.signed.state(self.clock.now_ms())

    @property
    def span(self) -> Span:
        return Span(self.begin_ms, self.begin_ms + 3_600_000)

    def export(self, folder: Path) -> str:
        def open_with_key(path: str) -> SealedFileReader:
            return open_sealed(read_sealed(self.volume.disk, path), [OWNER])

        asked = EvidenceRequest(PORCH, StreamName.MAIN, self.span, "box", "tawny", self.clock.now_ms())
        return write_evidence(self.volume, self.index, asked, folder, open_with_key, lambda _: None).fingerprint


def told(words: list[str], folder: Path) -> str:
    """By a process of its own that finds neither settings nor recordings."""
    home = folder.parent / "nobody"
    home.mkdir(exist_ok=True)
    done = subprocess.run(
        [sys.executable, *words], capture_output=True, text=True, check=False, cwd=home, env={"HOME": str(home)}
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture
def quick_disk(tmp_path: Path) -> Iterator[Path]:
    """Where a sync costs nothing, if there is such a place: an hour has thousands of them."""
    memory = Path("/dev/shm")
    with TemporaryDirectory(dir=memory if memory.is_dir() else tmp_path) as folder:
        yield Path(folder)


@pytest.mark.parametrize("sealed", [False, pytest.param(True, marks=pytest.mark.long)], ids=["plain", "sealed"])
def test_an_hour_is_checked_without_the_recorder(tmp_path: Path, quick_disk: Path, *, sealed: bool) -> None:
    data = quick_disk / "data"
    hour = Hour(data, sealed=sealed)
    fingerprint = hour.export(tmp_path / "proof")
    proof = str(tmp_path / "proof")
    data.rename(quick_disk / "away")
    answer = json.loads(told(["-c", _TAWNY, "verify", proof, "--recorder", fingerprint, "--json"], tmp_path / "proof"))
    notes = " ".join(answer["notes"])
    assert (answer["ok"], answer["problems"]) == (True, [])
    assert "recording 5 was deleted by the recorder: older than 1 hour" in notes
    assert "no recording for 30 s from 2026-11-20T06:20:00.000Z: stalled" in notes
    assert "unexplained" not in notes
    program = told(["-I", str(PROGRAM), proof, fingerprint], tmp_path / "proof")
    assert "It holds: porch" in program
    assert "recording 5 is not shown. What the recorder stated of it: file, removed" in program
    assert "nothing was recorded for 30 s from 2026-11-20 06:20:00+00:00: stalled" in program
    if not sealed:
        assert notes.count("was reduced to keyframes") == 3
        assert program.count("stated of it: file, thinned") == 3
