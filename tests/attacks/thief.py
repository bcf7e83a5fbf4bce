"""A thief's kit: archives of one recorder, and what someone with the disk in hand can do to them.

The thief has every file and all keys on the disk, and an older copy of it. The recorder is off meanwhile; the index is
rebuilt from the files, since the thief can do that, too.
"""

import shutil
from dataclasses import dataclass
from pathlib import Path

import pytest

from tawny.cli.check_witnesses import findings
from tawny.engine import Bus, InlineEngine
from tawny.model.ids import CameraId, StreamName
from tawny.recorder.recorder import SegmentRecorder
from tawny.sealed.key_wrapping import Identity
from tawny.sealed.statements import Witness
from tawny.service.sealing.history_watch import HistoryWatch
from tawny.storage.disk.volume import Volume
from tawny.storage.history.chains import chains_on
from tawny.storage.history.ledger import HistoryJournal
from tawny.storage.history.signed_files import FOLDER, STATE
from tawny.storage.history.signed_history import SignedHistory
from tawny.storage.history.witnesses import head_of
from tawny.storage.index.memory_index import MemoryIndex
from tawny.storage.index.opening import rebuild
from tawny.storage.repair.check import CheckScope, check_volume
from tawny.storage.sealing.epoch_keys import CameraSealing, EpochKeys
from tawny.stream.hub import Hub
from tawny.testing.clock import FakeClock
from tawny.testing.packet_feed import PacketFeed

PORCH, YARD = CameraId("porch"), CameraId("yard")
KINDS = {"plain": {PORCH: False}, "sealed": {PORCH: True}, "mixed": {PORCH: True, YARD: False}}
"""The archives: whether each camera is encrypted."""
MAIN = StreamName.MAIN
OWNER = Identity.new()
BEGIN, AGAIN = "2026-11-19T23:52:00Z", "2026-11-19T23:57:00Z"
LATER = "2026-11-20T02:00:00Z"
STATED_S = 120
TODAY, YESTERDAY = "2026-11-20", "2026-11-19"


def run_recorder(folder: Path, cameras: dict[CameraId, bool], begin: str, seconds: int, *, states: bool = True) -> None:
    """One run of a recorder, from its start to its end, with a statement every two minutes unless it is cut short."""
    clock, disk = FakeClock(begin), Volume.at(folder).disk
    signed = SignedHistory.opened(disk, clock.now_ms())
    volume = Volume(disk, signed)
    signed.all_found()
    seals = EpochKeys(signed, clock, lambda camera: CameraSealing((OWNER.recipient,)) if cameras[camera] else None)
    engine = InlineEngine(clock, lambda name, error: pytest.fail(f"{name}: {error!r}"))
    recorder = SegmentRecorder(volume, MemoryIndex(), clock, Bus(), seals=seals)
    recorder.start(engine)
    hubs = {camera: Hub() for camera in cameras}
    for camera, hub in hubs.items():
        recorder.add(camera, MAIN, hub)
    feeds = [PacketFeed(hub, clock, fps=1, gop=4) for hub in hubs.values()]
    for second in range(1, seconds + 1):
        for feed in feeds:
            feed.picture()
        engine.run_for(1)
        if states and second % STATED_S == 0:
            assert signed.state(clock.now_ms())
    recorder.end_all()
    engine.run_for(5)
    assert not states or signed.state(clock.now_ms())


@dataclass(frozen=True)
class Loot:
    """What the thief has before the deed: the archive, an older copy of it, and another recorder's archive."""

    now: Path
    older: Path
    other: Path
    plain: Path
    """Unencrypted, of the same time."""


def make_loot(folder: Path, kind: str) -> Loot:
    loot = Loot(folder / "now", folder / "older", folder / "other", folder / "plain")
    run_recorder(loot.now, KINDS[kind], BEGIN, 250)
    shutil.copytree(loot.now, loot.older)
    run_recorder(loot.now, KINDS[kind], AGAIN, 500)
    run_recorder(loot.other, KINDS[kind], BEGIN, 500)
    run_recorder(loot.plain, KINDS["plain"], BEGIN, 200)
    return loot


class Thief:
    """The archive in the thief's hands, to be changed."""

    def __init__(self, loot: Loot, folder: Path) -> None:
        self.folder = shutil.copytree(loot.now, folder)
        self.older, self.other, self.plain = loot.older, loot.other, loot.plain
        self.clock = FakeClock(LATER)
        (chain,) = chains_on(Volume.at(self.folder))
        head = head_of(chain)
        assert head is not None
        self.witness: Witness = head
        """What a message, an upload or a browser has kept."""

    # --- tools

    @property
    def history(self) -> Path:
        return self.folder / FOLDER

    def recordings(self, camera: CameraId = PORCH) -> list[Path]:
        """The files of a camera, oldest first."""
        return sorted(self.folder.glob(f"{camera}/*/*/*/*/*Z.main.*"))

    def newest(self) -> list[Path]:
        """What the thief is in: the newest three files of each camera."""
        cameras = {path.relative_to(self.folder).parts[0] for path in self.folder.glob("*/2*")}
        return [path for camera in sorted(cameras) for path in self.recordings(CameraId(camera))[-3:]]

    def remove_newest(self) -> None:
        for path in self.newest():
            path.unlink()

    def cut_history(self, statements: int) -> None:
        """Remove the newest statements of today, with their lists."""
        for name in (f"{TODAY}.jsonl", f"{TODAY}.list"):
            path = self.history / name
            path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[:-statements]))

    def remove_state(self) -> None:
        (self.folder / STATE).unlink()

    def replay(self, *names: str) -> None:
        """Put files of the signed history back to the older copy; remove those that it does not have."""
        for name in names:
            old, path = self.older / FOLDER / name, self.history / name
            if old.exists():
                shutil.copyfile(old, path)
            else:
                path.unlink(missing_ok=True)

    def replay_history(self) -> None:
        self.replay(*(path.name for path in list(self.history.iterdir())))

    # --- what the owner sees

    def start(self) -> list[str]:
        """Start the recorder and let it make a statement. Return the problems that it raises by itself."""
        self.clock.advance(60)
        volume = Volume.at(self.folder)
        signed = SignedHistory.opened(volume.disk, self.clock.now_ms())
        watch = HistoryWatch(volume, signed, self.clock, "UTC")
        found = [problem.detail for problem in watch()]
        signed.all_found()
        self.clock.advance(600)
        assert signed.state(self.clock.now_ms())
        return found

    def visit(self) -> list[str]:
        """Open the page with a browser that remembers the witness. Return the problems that the recorder raises."""
        volume = Volume.at(self.folder)
        watch = HistoryWatch(volume, SignedHistory.opened(volume.disk, self.clock.now_ms()), self.clock, "UTC")
        watch.seen([self.witness.text], "A browser of Anna")
        again = HistoryWatch(volume, SignedHistory.opened(volume.disk, self.clock.now_ms()), self.clock, "UTC")
        return [problem.detail for problem in again()]

    def check(self, *, deep: bool = False, with_witness: bool = False) -> list[str]:
        """The sentences of `tawny check`."""
        volume, index = Volume.at(self.folder), MemoryIndex()
        rebuild(volume, index, HistoryJournal(volume.disk))
        report = check_volume(volume, index, self.clock, CheckScope(deep=deep, beside_recorder=False))
        given = [("This witness", self.witness)] if with_witness else []
        found = [*report.findings, *findings(volume, given, deep=deep)]
        return [f"{one.what.value}: {one.path}: {one.detail}" for one in found]

    def confirm(self) -> None:
        """Confirm the history, as the owner does in the page."""
        volume = Volume.at(self.folder)
        signed = SignedHistory.opened(volume.disk, self.clock.now_ms())
        assert HistoryWatch(volume, signed, self.clock, "UTC").confirm() != []
