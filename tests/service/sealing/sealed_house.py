"""A recorder with a sealed and a plain camera that saw something, once it has begun again: what it has, and can do."""

import logging
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from shutil import copytree

from tawny.api.auth.unlocks import unlocked_recorder
from tawny.config.settings import Settings
from tawny.engine import ThreadEngine
from tawny.model.events import Event
from tawny.model.ids import CameraId, StreamName
from tawny.model.messages import EventChanged
from tawny.model.segments import Segment
from tawny.model.times import Span
from tawny.playback.decrypted import DecryptedRecordings
from tawny.sealed.file_reader import SealedFileReader, open_sealed
from tawny.sealed.key_wrapping import Identity
from tawny.service.delivery.delivery_service import DeliveryPolicy, DeliveryService
from tawny.service.plugin_registry import PluginRegistry
from tawny.service.recorder import RecorderService
from tawny.storage.disk.volume import Volume
from tawny.storage.history.file_signing import read_sealed
from tawny.storage.history.ledger import HistoryJournal, HistoryLedger
from tawny.storage.index.opening import index_to_write
from tawny.storage.index.protocol import Index
from tawny.testing.clock import FakeClock
from tawny.testing.waiting import until
from tests.app.crossing import Crossing
from tests.app.rig import DOOR, EVER, Rig, rig, settings

YARD = CameraId("yard")
RECORDED_S = 10.0
MOST_WAIT_S = 240.0
"""What takes seconds takes minutes beside much else."""
OWNER, RECOVERY = Identity.new(), Identity.new()
TEXT = f"""
[encryption]
recipients = ["{OWNER.recipient}"]
recovery = "{RECOVERY.recipient}"
[object_detection]
kinds = "off"
[cameras.door]
source = "demo:front"
encrypt = true
retention.keyframes_after = "1 day"
[cameras.yard]
source = "demo:front"
"""


@dataclass
class House:
    """Of each camera one recording, and an event with its picture. sent: where recordings and events were brought.
    still: what the recorder had left when it ended; in `folder` it goes on, and its files get other names."""

    folder: Path
    rig: Rig
    sent: Path
    still: Path
    segments: dict[CameraId, Segment] = field(default_factory=dict)
    events: dict[CameraId, Event] = field(default_factory=dict)

    @property
    def volume(self) -> Volume:
        return Volume.at(self.folder)

    def opened(self, path: str) -> SealedFileReader:
        return open_sealed(read_sealed(self.volume.disk, path, deep=True), [OWNER])

    @contextmanager
    def unlocked(self) -> Iterator[RecorderService]:
        """As the owner sees it who has unlocked it."""
        unsealed = DecryptedRecordings(OWNER)
        try:
            yield unlocked_recorder(self.rig.running, unsealed)
        finally:
            unsealed.close()

    def middle(self, camera: CameraId) -> int:
        span = self.segments[camera].span
        return (span.begin_ms + span.end_ms) // 2

    def copy(self, folder: Path) -> "Copy":
        """Of all that was recorded, with no recorder at it."""
        return Copy(copytree(self.still, folder))


class Copy:
    def __init__(self, folder: Path) -> None:
        self.folder, self.clock = folder, FakeClock("2030-01-01T00:00:00Z")
        self.volume = Volume.at(folder)
        self.history = HistoryJournal(self.volume.disk)
        self.index: Index = index_to_write(self.volume, self.history)
        self.ledger = HistoryLedger(self.history, self.index, self.clock)


@contextmanager
def house(folder: Path, more: str = "") -> Iterator[House]:
    """more: settings."""
    data, sent = folder / "data", folder / "sent"
    sent.mkdir(parents=True)
    with _kept_apart(folder):
        yield from _lived_in(data, sent, more)


@contextmanager
def _kept_apart(folder: Path) -> Iterator[None]:
    """Its temporary files, and all that is logged, are in the folder too."""
    temporary, before, log = folder / "tmp", tempfile.tempdir, logging.getLogger()
    temporary.mkdir()
    handler, level = logging.FileHandler(folder / "log.txt"), log.level
    tempfile.tempdir = str(temporary)
    log.addHandler(handler)
    log.setLevel(logging.DEBUG)
    try:
        yield
    finally:
        tempfile.tempdir = before
        log.setLevel(level)
        log.removeHandler(handler)
        handler.close()


def _lived_in(data: Path, sent: Path, more: str) -> Iterator[House]:
    chosen = settings(f'{TEXT}[destinations.nas]\nurl = "folder:{sent}"\nupload = ["events"]\n{more}')
    plugins = replace(PluginRegistry.opened(), detectors={"motion": Crossing})
    with rig(chosen, data, plugins) as made:
        until(lambda: len(_shown(made)) == 2, MOST_WAIT_S, "an event with a picture of each camera")
        until(lambda: _least_s(made) >= RECORDED_S, MOST_WAIT_S, f"{RECORDED_S:g} s of each camera")
    still = copytree(data, data.parent.with_name(f"{data.parent.name}-still"), ignore=_its_own)
    with rig(chosen, data) as made:
        index = made.running.index
        found = House(data, made, sent, still)
        for camera in (DOOR, YARD):
            event = found.events[camera] = _shown(made)[camera]
            at_ms = event.picture_ms or event.start_ms
            found.segments[camera] = index.segments(camera, StreamName.MAIN, Span(at_ms, at_ms + 1))[0]
        _send(chosen, found)
        yield found


def _its_own(_: str, names: list[str]) -> set[str]:
    """What only a running recorder has."""
    return {"lock", "control"} & set(names)


def _least_s(made: Rig) -> float:
    """Recorded of the camera that has least, in seconds."""
    return min(made.recorded_s(camera) for camera in (DOOR, YARD))


def _shown(made: Rig) -> dict[CameraId, Event]:
    events = made.running.index.events(EVER).events
    return {one.camera: one for one in reversed(events) if one.picture_ms is not None}


def _send(chosen: Settings, found: House) -> None:
    """What was missed is brought, as after a start."""
    outward = outward_of(chosen, found)
    outward.start()
    try:
        for event in found.events.values():
            outward.upload_scheduler.on_message(EventChanged("ended", event))
        until(
            lambda: sorted(map(_kind, files(found.sent))) == [".jpg", ".mp4", ".tws", ".tws", ".txt"],
            MOST_WAIT_S,
            "all was brought",
        )
    finally:
        outward.close()


def outward_of(chosen: Settings, found: House) -> DeliveryService:
    running = found.rig.running
    where = found.folder / "outbox.db"
    return DeliveryService(
        chosen,
        where,
        running,
        PluginRegistry.opened(),
        found.rig.clock,
        ThreadEngine(found.rig.clock, _fails),
        DeliveryPolicy(sealed=running.sealing.out),
    )


def _fails(part: str, error: BaseException) -> None:
    raise AssertionError(part) from error


def _kind(path: Path) -> str:
    return path.suffix


def files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())
