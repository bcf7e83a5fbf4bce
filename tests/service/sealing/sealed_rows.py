"""What works sealed and what does not, a function for each row of the table in docs/how-to/encryption.md."""

import re
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from tawny.config.targets import NotifierSettings
from tawny.delivery.delivery import Delivery, DeliveryKind, DeliveryState
from tawny.media.codec.video_file import FileVideo
from tawny.media.image.jpeg import keyframe_jpeg
from tawny.model.errors import FileSealed
from tawny.model.ids import CameraId, StreamName
from tawny.model.segments import GapReason
from tawny.model.times import Span
from tawny.playback.clips import ClipCache
from tawny.playback.exports import ExportKind, ExportOptions, make_export
from tawny.playback.search.event_search import SearchableNames, search_in_words
from tawny.playback.segment_player import play
from tawny.playback.stills import StillReader
from tawny.playback.timeline import timeline_lane
from tawny.playback.trigger_simulation import simulate_trigger
from tawny.recorder.stream_writer import OpenSegment
from tawny.sealed.file_reader import FileEnding
from tawny.sealed.records import BLOB
from tawny.service.health.self_test import SelfTester
from tawny.service.recorder import RecorderService
from tawny.storage.disk.layout import is_thinned, picture_path, sealed_path
from tawny.storage.disk.mirror import Mirror
from tawny.storage.disk.secondary_volumes import VolumeUse, join
from tawny.storage.disk.volume import Volume
from tawny.storage.history.evidence_folder import shown_of
from tawny.storage.history.file_signing import read_sealed
from tawny.storage.index.memory_index import MemoryIndex
from tawny.storage.index.opening import rebuild
from tawny.storage.repair.check import CheckScope, check_volume
from tawny.storage.repair.healing import heal, wrong_with
from tawny.storage.retention.contract import RetentionContract, RetentionRule
from tawny.storage.retention.removal import Removal, remove_segments
from tawny.storage.retention.thinning import thin
from tawny.storage.retention.tiers import TierMover
from tawny.storage.segments.content_writer import WrittenFragment
from tawny.storage.segments.metadata import SegmentMetadata
from tawny.testing.http_service import StandIn, served
from tawny.testing.waiting import until
from tests.app.rig import DOOR, EVER
from tests.service.sealing.sealed_house import YARD, Copy, House, files, outward_of
from tests.storage.bench import keep_all

MAIN = StreamName.MAIN
EASY = RetentionContract(RetentionRule(free_share=0.0))

PICTURE = b"\xff\xd8 a picture of somebody \xff\xd9"
NOTIFIER = (
    '[notifiers.x]\nurl = "ntfy://127.0.0.1:1/x"\nevents = false\nproblems = false\nunencrypted_snapshots = true\n'
)

Row = Callable[[House, Path], None]
ROWS: dict[str, tuple[str, str, Row]] = {}
"""By its first cell: the second and third, and what shows them."""


def row(what: str, locked: str, unlocked: str = "") -> Callable[[Row], Row]:
    def put(shown: Row) -> Row:
        ROWS[what] = locked, unlocked or locked, shown
        return shown

    return put


def changed(data: bytes) -> bytes:
    """A bit of a recording, in its first fragment."""
    return data[:5000] + bytes([data[5000] ^ 1]) + data[5001:]


def sealed(home: House, data: Callable[[RecorderService, CameraId], object], *, unlocked: bool = False) -> None:
    """Of the plain camera it is there, of the sealed one it is said that it is sealed; `unlocked` opens it."""
    assert data(home.rig.running, YARD)
    with pytest.raises(FileSealed, match="can't open"):
        data(home.rig.running, DOOR)
    with home.unlocked() as archive:
        if unlocked:
            assert data(archive, DOOR)
    with pytest.raises(FileSealed):
        data(home.rig.running, DOOR)


@row("recording", "yes")
def records(home: House, tmp: Path) -> None:
    file = read_sealed(home.volume.disk, home.segments[DOOR].path, deep=True)
    assert file.ends is FileEnding.SIGNED
    assert sum(len(one) for _, one in home.opened(home.segments[DOOR].path).contents()) > 100_000


@row("live view", "yes")
def shows_live(home: House, tmp: Path) -> None:
    home.rig.wait_for_seconds(2, DOOR)
    hub = home.rig.running.hub(DOOR, MAIN)
    assert hub is not None
    key = next(packet for packet in hub.recent(10) if packet.is_keyframe)
    assert keyframe_jpeg(key, 320)


@row("detection, events, modes and rules", "yes")
def sees(home: House, tmp: Path) -> None:
    assert home.events[DOOR].kind == home.events[YARD].kind == "motion"


@row("object detection", "yes")
def names(home: House, tmp: Path) -> None:
    """A model is shown live pictures; what it says is written down with the event, not with the picture."""
    copy = home.copy(tmp / "copy")
    copy.ledger.put_event(replace(home.events[DOOR], kind="person"))
    index = MemoryIndex()
    rebuild(copy.volume, index, copy.history)
    event = index.event(home.events[DOOR].id)
    assert event is not None
    assert event.kind == "person"


@row("timeline", "yes")
def draws(home: House, tmp: Path) -> None:
    span = home.segments[DOOR].span
    drawn = timeline_lane(home.rig.running, DOOR, span, points=100, now_ms=home.rig.clock.now_ms())
    assert [one.cut_to(span) for one in drawn.spans] == [span]
    assert home.events[DOOR].id in [one.id for one in drawn.events]
    assert any(0 < score < 255 for score in drawn.motion.data), "how much moved is known"


@row("search with words (`tawny find`)", "yes")
def finds(home: House, tmp: Path) -> None:
    now_ms = home.rig.clock.now_ms()
    words = f"{home.events[DOOR].shown_kind} door today"
    _, found = search_in_words(
        home.rig.running.index, words, SearchableNames({DOOR: "door"}), ZoneInfo("UTC"), now_ms, 9
    )
    assert home.events[DOOR].id in [one.id for one in found]


@row("search in an area, heat map, detector figures of the past", "no")
def finds_no_spot(home: House, tmp: Path) -> None:
    assert home.rig.running.grids(YARD, EVER)
    assert not home.rig.running.grids(DOOR, EVER)
    assert home.rig.running.figures(YARD, home.segments[YARD].span)
    assert not home.rig.running.figures(DOOR, home.segments[DOOR].span)


@row("trying another threshold", "yes")
def tries(home: House, tmp: Path) -> None:
    span = home.segments[DOOR].span
    scores = home.rig.running.scores(DOOR, span)
    (still,) = simulate_trigger([home.events[DOOR]], scores, span, 1).still
    assert still.id == home.events[DOOR].id


@row("event images and loops", "encrypted", "yes")
def keeps_pictures(home: House, tmp: Path) -> None:
    running, event = home.rig.running, home.events[DOOR]
    assert running.event_picture(home.events[YARD])
    assert running.event_picture(event) is None
    assert running.event_loop(event) is None
    contents = {record.type: content for record, content in home.opened(sealed_path(picture_path(event))).contents()}
    with home.unlocked() as archive:
        assert archive.event_picture(event) == contents[BLOB]
    assert contents[BLOB].startswith(b"\xff\xd8")


@row("boxes of an event's objects", "encrypted", "yes")
def keeps_objects(home: House, tmp: Path) -> None:
    running, event = home.rig.running, home.events[DOOR]
    assert running.event_objects(home.events[YARD])[0].path
    assert not running.event_objects(event)
    assert not list((home.folder / DOOR).rglob("*.jsonl"))
    with home.unlocked() as archive:
        assert archive.event_objects(event)[0].path


@row("previews and thumbnails of the past", "no", "yes")
def previews(home: House, tmp: Path) -> None:
    sealed(home, lambda archive, camera: StillReader(archive).at(camera, home.middle(camera), 320), unlocked=True)


@row("playback", "no", "yes")
def plays(home: House, tmp: Path) -> None:
    sealed(home, lambda archive, camera: play(archive, home.segments[camera], home.middle(camera)), unlocked=True)


@row("clips to download", "no", "yes")
def cuts(home: House, tmp: Path) -> None:
    def clip(archive: RecorderService, camera: CameraId) -> object:
        found = ClipCache(archive).clip(camera, MAIN, home.segments[camera].span, 1 << 40)
        return found and b"".join(found.read(0, found.size_bytes))

    sealed(home, clip, unlocked=True)


class Bench:
    def __init__(self, folder: Path) -> None:
        self.out, self.scratch = folder / "made", folder / "scratch"

    def needs(self, size_bytes: int) -> None:
        pass

    def progress(self, part: float) -> None:
        pass


@row("saved clips, shared links", "no")
def saves(home: House, tmp: Path) -> None:
    """What is saved is asked of who makes it, who never has a key; links lead to what is saved."""
    sealed(home, lambda archive, camera: made(home, camera, ExportKind.MP4, archive, tmp))


@row("GIF, time-lapse, contact sheet, side by side", "no")
def makes(home: House, tmp: Path) -> None:
    for kind in (ExportKind.GIF, ExportKind.SHEET, ExportKind.TIMELAPSE):
        sealed(home, partial(_made_as, home, kind, tmp))


def _made_as(home: House, kind: ExportKind, tmp: Path, archive: RecorderService, camera: CameraId) -> object:
    return made(home, camera, kind, archive, tmp)


def made(home: House, camera: CameraId, kind: ExportKind, archive: RecorderService, tmp: Path) -> object:
    wish = ExportOptions(kind, (camera,), Span(home.middle(camera) - 2000, home.middle(camera) + 2000))
    return make_export(archive, ClipCache(archive), wish, ZoneInfo("UTC"), Bench(tmp), 1 << 40)


@row("scanning recordings (`tawny scan`)", "no")
def scans(home: House, tmp: Path) -> None:
    sealed(home, lambda _, camera: FileVideo(home.folder / home.segments[camera].path))


@row("uploads of events", "encrypted")
def uploads(home: House, tmp: Path) -> None:
    brought = [path.relative_to(home.sent).as_posix() for path in files(home.sent)]
    opaque = [name for name in brought if re.fullmatch(r"[0-9a-f]{8}/\d{8}/[a-z2-7]{26}\.tws", name)]
    assert len(opaque) == 2
    (witness,) = [name for name in brought if name.startswith("tawny-history/")]
    others = set(brought) - {*opaque, witness}
    assert {Path(name).suffix for name in others} == {".jpg", ".mp4"}, "those of the plain camera"
    lying = {path.read_bytes() for path in files(home.still / DOOR)}
    assert all((home.sent / name).read_bytes() in lying for name in opaque)
    assert not any("door" in name for name in brought)


@row("notifications", "text")
def tells(home: House, tmp: Path) -> None:
    text, allowed = (
        NotifierSettings(url="ntfy://127.0.0.1:1/door"),
        NotifierSettings(url="ntfy://127.0.0.1:1/x", unencrypted_snapshots=True),
    )
    shown = {
        (camera, one.unencrypted_snapshots): picture(home, camera, one)
        for camera in (DOOR, YARD)
        for one in (text, allowed)
    }
    assert shown[YARD, False]
    assert not shown[DOOR, False], "nothing leaves in the clear unless the settings say so"
    assert not shown[DOOR, True], "after a start it is in no memory any more"
    home.rig.running.parts.storage.sealing.event_files.write_picture(home.events[DOOR], PICTURE)
    assert picture(home, DOOR, allowed) == len(PICTURE)
    assert not picture(home, DOOR, text)


def picture(home: House, camera: CameraId, notifier: NotifierSettings) -> int:
    """Its bytes, as a message brings it. The cameras go on: other events may have messages of their own."""
    event, now_ms = home.events[camera], home.rig.clock.now_ms()
    content = {"kind": "event", "event": event.id}
    delivery = Delivery("phone", f"n/{now_ms}", DeliveryKind.MESSAGE, content, now_ms, now_ms, camera, event.id)
    with served(StandIn()) as service:
        reached = notifier.model_copy(update={"url": f"ntfy+http://127.0.0.1:{service.port}/door"})
        outward = outward_of(home.rig.running.settings.model_copy(update={"notifiers": {"phone": reached}}), home)
        try:
            outward.start()
            outward.outbox.add([delivery])
            until(lambda: ended(outward.outbox.find("phone", delivery.name)), 60, "the message")
        finally:
            outward.close()
        own = [one.body for one in service.asked if f"n-{now_ms}" in one.path and one.body.startswith(b"\xff\xd8")]
        return len(own[0]) if own else 0


def ended(delivery: Delivery | None) -> bool:
    return delivery is not None and delivery.state is DeliveryState.DONE


@row("reduction to keyframes", "yes")
def thins(home: House, tmp: Path) -> None:
    copy = home.copy(tmp / "copy")
    before = home.segments[DOOR]
    done = thin(copy.volume, copy.index, before)
    assert done is not None
    assert is_thinned(done)
    assert 0 < done.size_bytes < before.size_bytes
    file = read_sealed(copy.volume.disk, done.path, deep=True)
    assert (file.ends, file.digest) == (FileEnding.SIGNED, home.opened(before.path).file.digest)


@row("retention", "yes")
def removes(home: House, tmp: Path) -> None:
    copy = home.copy(tmp / "copy")
    remove_segments(
        copy.volume, copy.index, copy.ledger, copy.clock, [Removal(home.segments[DOOR], "older than it may be")]
    )
    assert not (copy.folder / home.segments[DOOR].path).exists()
    assert any(gap.reason is GapReason.REMOVED for gap in copy.index.gaps(DOOR, EVER))


@row("mirror, and restoring from it", "yes")
def mirrors(home: House, tmp: Path) -> None:
    copy, path = home.copy(tmp / "copy"), home.segments[DOOR].path
    mirror = Mirror(copy.volume, copy.index, copy.clock, tmp / "mirror", EASY)
    for _ in range(50):
        if mirror.step() > 0:
            break
    same = [path, sealed_path(picture_path(home.events[DOOR])), *rings(copy.folder)]
    assert all((tmp / "mirror" / one).read_bytes() == (copy.folder / one).read_bytes() for one in same)
    whole = (copy.folder / path).read_bytes()
    (copy.folder / path).write_bytes(changed(whole))
    assert wrong_with(copy.volume, path)
    assert heal(copy.volume, copy.ledger, path, "it rotted")
    assert (copy.folder / path).read_bytes() == whole
    mirror.close()


def rings(folder: Path) -> list[str]:
    found = [path.relative_to(folder).as_posix() for path in folder.rglob("*.keys")]
    assert found
    return found


@row("archive disks", "yes")
def moves(home: House, tmp: Path) -> None:
    copy, path = home.copy(tmp / "copy"), home.segments[DOOR].path
    whole = (copy.folder / path).read_bytes()
    tier = join(copy.volume, tmp / "tier", VolumeUse.TIER)
    assert TierMover(lambda: [copy.volume], tier, copy.index, copy.clock, 60.0, keep_all).move() >= 1
    assert (tmp / "tier" / path).read_bytes() == whole
    assert not (copy.folder / path).exists()


@row("fallback disk", "yes")
def goes_on_elsewhere(home: House, tmp: Path) -> None:
    """Its keys are where its files are."""
    seals = home.rig.running.sealing.seals
    assert seals is not None
    spare = Volume.at(tmp / "spare")
    about = SegmentMetadata(DOOR, MAIN, home.segments[DOOR].run, home.middle(DOOR), "avc1", 1, 1, is_sealed=True)
    content, signing = seals.begin(spare, about, lambda _: b"ftypmoov")
    file = OpenSegment.create(spare, about, content, signing)
    file.append([WrittenFragment([b"moof and mdat"], 0, is_keyframe=True)])
    file.leave()
    signing.give_back()
    assert rings(spare.root)
    assert b"moof and mdat" not in (spare.root / about.name.path).read_bytes()


@row("`tawny check`, the signed history", "yes")
def checks(home: House, tmp: Path) -> None:
    copy = home.copy(tmp / "copy")
    path = copy.folder / home.segments[DOOR].path
    assert not found(home, copy)
    data = path.read_bytes()
    path.write_bytes(changed(data))
    assert "doesn't match what was encrypted" in found(home, copy)


def found(home: House, copy: Copy) -> str:
    report = check_volume(copy.volume, copy.index, home.rig.clock, CheckScope(deep=True))
    return "; ".join(one.detail for one in report.findings)


@row("rebuilding the index", "yes")
def rebuilds(home: House, tmp: Path) -> None:
    copy, index = home.copy(tmp / "copy"), MemoryIndex()
    rebuild(copy.volume, index, copy.history)
    known = home.segments[DOOR]
    again = index.segment(known.id)
    assert again is not None
    assert (again.span, again.path, again.size_bytes) == (known.span, known.path, known.size_bytes)
    assert (again.video, again.width) == ("", 0), "what only its owner can read is not known"


@row("self-test", "yes")
def looks_itself(home: House, tmp: Path) -> None:
    """It sees whether a sealed file is as it was written; whether it plays only its owner can say."""
    copy, path = home.copy(tmp / "copy"), home.segments[DOOR].path
    tester = SelfTester(copy.volume, copy.index, copy.clock, ZoneInfo("UTC"), lambda: [DOOR])
    assert not self_tested(tester)
    data = (copy.folder / path).read_bytes()
    (copy.folder / path).write_bytes(changed(data))
    assert "changed on disk" in self_tested(tester)


def self_tested(tester: SelfTester) -> str:
    tester.ask()
    while tester.is_running:
        tester.step()
    assert tester.last
    return "; ".join(tester.last.problems)


@row("evidence (`tawny export --evidence --key`)", "yes")
def exports(home: House, tmp: Path) -> None:
    segment = home.segments[DOOR]
    shown = shown_of(home.volume, segment, segment.span, home.opened)
    assert shown is not None
    assert len(shown.shown) >= 5
    assert b"moof" in b"".join(shown.parts)
