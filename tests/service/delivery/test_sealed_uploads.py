"""Events of sealed cameras: recordings go as they lie, whenever they are closed, under names that tell nothing."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from tawny.delivery.delivery import Delivery, DeliveryKind, DeliveryState
from tawny.delivery.outbox import REPLACED
from tawny.engine import InlineEngine
from tawny.model.errors import ContentGone
from tawny.model.events import Event
from tawny.model.ids import CameraId, EventId
from tawny.model.messages import EventChanged, SegmentClosed
from tawny.model.segments import Segment
from tawny.model.times import Span
from tawny.playback.clips import ClipCache
from tawny.service.delivery.delivery_service import DeliveryPolicy, DeliveryService
from tawny.service.delivery.event_forms import EventForms
from tawny.service.delivery.replaced_parts import span_of
from tawny.service.delivery.upload_rules import UploadRule
from tawny.service.delivery.upload_scheduler import MOST_SHORT, SHORT_MS, DeliverySource, UploadScheduler
from tawny.service.plugin_registry import PluginRegistry
from tawny.service.sealing.policy import SealedExport
from tawny.storage.disk.layout import picture_path, sealed_path
from tawny.testing.clock import FakeClock
from tests.api.fakes import FakeRecorder
from tests.app.rig import settings
from tests.playback.archives import PORCH
from tests.service.delivery.test_upload_scheduler import OFFSITE, Bench


class Sealed(SealedExport):
    """is_on: whether the settings encrypt the porch now. stored: the snapshots on the disk."""

    def __init__(self) -> None:
        self.is_on, self.stored = True, set[str]()

    def seals(self, camera: CameraId) -> bool:
        return self.is_on and camera == PORCH

    def is_stored(self, path: str) -> bool:
        return path in self.stored

    def object_name(self, path: str, day: str) -> str:
        return f"opaque/{day}/{hash(path) & 0xFFFF:x}.tws"


class SealedBench(Bench):
    def __init__(self, root: Path, *rules: UploadRule) -> None:
        self.seal = Sealed()
        super().__init__(root, *rules)

    def again(self) -> UploadScheduler:
        self.short = list[tuple[CameraId, Span]]()

        def shorten(camera: CameraId, span: Span) -> None:
            self.short.append((camera, span))

        source = DeliverySource(self.outbox, self.archive, self.clock, self.clip_of, sealed=self.seal, shorten=shorten)
        return UploadScheduler(source, self.rules, self.budget_bytes)

    def sealed(self, begin_ms: int, seconds: int) -> Segment:
        """A closed recording, which is told of."""
        segment = self.unannounced(begin_ms, seconds)
        self.upload_scheduler.on_message(SegmentClosed(segment))
        self.upload_scheduler.step()
        return segment

    def plain(self, begin_ms: int, seconds: int) -> Segment:
        """A closed recording that is not encrypted, which is told of."""
        segment = self.archive.record(begin_ms, seconds=seconds)
        self.upload_scheduler.on_message(SegmentClosed(segment))
        self.upload_scheduler.step()
        return segment

    def unannounced(self, begin_ms: int, seconds: int) -> Segment:
        """A closed recording that is only in the index."""
        plain = self.archive.record(begin_ms, seconds=seconds)
        segment = replace(plain, path=plain.path.replace(".mp4", ".tws"))
        self.archive.index.drop_segments([plain])
        self.archive.index.add_segment(segment)
        return segment

    def waiting(self) -> list[Delivery]:
        return self.outbox.of_event(EventId("e"))

    def cut(self, what: DeliveryKind = DeliveryKind.PIECE) -> list[tuple[float, float]]:
        """What goes in parts, or as a clip: seconds after the porch's last event began."""
        event = self.archive.index.event(EventId("e"))
        assert event is not None
        found = [one for one in self.waiting() if one.what is what and one.state is DeliveryState.WAITING]
        spans = [(one.content["from_ms"], one.content["to_ms"]) for one in found if "to_ms" in one.content]
        return [((begin_ms - event.start_ms) / 1000, (end_ms - event.start_ms) / 1000) for begin_ms, end_ms in spans]

    def sent(self) -> list[str]:
        """The recordings that go, in their order."""
        return [one.content["segment"] for one in self.waiting() if "segment" in one.content]


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[SealedBench]:
    made = SealedBench(tmp_path)
    yield made
    made.outbox.close()


def test_each_recording_of_an_event_goes_once_when_it_is_closed(bench: SealedBench) -> None:
    """Also while the event goes on: who is filmed may take the recorder."""
    event = bench.event()
    sent = [bench.sealed(event.start_ms - 20_000, 30)]
    bench.tell(event)
    assert bench.sent() == [one.id for one in sent]
    bench.clock.advance(40)
    sent.append(bench.sealed(event.start_ms + 10_000, 30))
    assert bench.sent() == [one.id for one in sent]
    bench.tell(event.ended(event.start_ms + 45_000), "ended")
    bench.upload_scheduler = bench.again()
    sent.append(bench.sealed(event.start_ms + 40_000, 30))
    bench.sealed(event.start_ms + 300_000, 30)
    assert bench.sent() == [one.id for one in sent]
    assert {one.what for one in bench.waiting()} == {DeliveryKind.CLIP}
    assert all(one.name.startswith("opaque/") for one in bench.waiting())


def test_files_are_short_while_an_event_goes_on_and_until_its_end_is_sent(bench: SealedBench) -> None:
    """Whoever takes the recorder takes the open file, too."""
    event = bench.event()
    bench.tell(event)
    bench.clock.advance(8)
    bench.sealed(event.start_ms - 20_000, 28)
    bench.clock.advance(2)
    end_ms = bench.clock.now_ms()
    bench.tell(event.ended(end_ms), "ended")
    last_ms = bench.clip_of(event.ended(end_ms), end_ms).end_ms
    assert {camera for camera, _ in bench.short} == {PORCH}
    assert [span.begin_ms - event.start_ms for _, span in bench.short] == [0, 8_000, 10_000]
    assert bench.short[-1][1].end_ms == last_ms + SHORT_MS
    bench.clock.advance(70)
    bench.sealed(end_ms + 1000, 60)
    assert len(bench.short) == 3


@pytest.mark.parametrize("rule", [replace(OFFSITE, follows=False), replace(OFFSITE, kinds=frozenset({"vehicle"}))])
def test_files_stay_long_in_an_event_that_no_destination_follows(tmp_path: Path, rule: UploadRule) -> None:
    bench = SealedBench(tmp_path, rule)
    bench.tell(bench.event())
    assert bench.short == []


def test_files_stay_long_while_a_destination_is_far_behind(bench: SealedBench) -> None:
    """Its queue holds a number of items, and what it drops is lost."""
    event = bench.event()
    bench.tell(event)
    bench.sealed(event.start_ms - 40_000, 39)
    (sent,) = bench.waiting()
    bench.outbox.add([replace(sent, name=f"{number}") for number in range(MOST_SHORT)])
    bench.short.clear()
    bench.sealed(event.start_ms, 30)
    assert bench.short == []


@pytest.mark.parametrize(
    ("retention", "is_short"),
    [
        ("", True),
        ("[storage.retention]\nmax_files = 1000", False),
        ("[cameras.porch.retention]\nmax_files = 1000", False),
        ("[cameras.yard.retention]\nmax_files = 1000", True),
        ('[storage.retention]\nmax_files = 1000\n[cameras.porch.retention]\nmax = "30 days"', False),
        ("[storage.retention.sub]\nmax_files = 1000", True),
    ],
)
def test_files_that_a_limit_counts_stay_long(tmp_path: Path, retention: str, is_short: bool) -> None:
    text = f"""
[cameras.porch]
source = "demo:porch"
[cameras.yard]
source = "demo:yard"
{retention}
[destinations.nas]
url = "folder:{tmp_path}"
"""
    clock, short = FakeClock(), list[CameraId]()
    policy = DeliveryPolicy(sealed=Sealed(), shorten=lambda camera, _: short.append(camera))
    recorder, engine = FakeRecorder(tmp_path, clock), InlineEngine(clock, lambda part, error: None)
    service = DeliveryService(settings(text), ":memory:", recorder, PluginRegistry.opened(), clock, engine, policy)
    service.start()
    event = Event(EventId("e"), PORCH, "person", clock.now_ms(), None, 50.0)
    recorder.bus.publish(EventChanged("started", event))
    engine.run_for(1)
    service.close()
    assert bool(short) == is_short


@pytest.mark.parametrize(("follows", "at_once"), [(True, [0, 1]), (False, [])])
def test_an_event_that_goes_on_is_sent_up_to_its_bound(tmp_path: Path, follows: bool, at_once: list[int]) -> None:
    """At once, or without parts when it is reached."""
    bench = SealedBench(tmp_path, replace(OFFSITE, max_s=60, follows=follows))
    event, files = bench.event(), list[Segment]()
    bench.tell(event)
    for begin_s in (0, 25):
        bench.clock.advance(25)
        files.append(bench.sealed(event.start_ms + begin_s * 1000, 25))
    assert bench.sent() == [files[number].id for number in at_once]
    for begin_s in (50, 75):
        bench.clock.advance(25)
        files.append(bench.sealed(event.start_ms + begin_s * 1000, 25))
    assert bench.sent() == [one.id for one in files[:3]]


@pytest.mark.parametrize("post_ms", [0, 10_000])
def test_without_parts_nothing_is_sent_of_an_event_that_goes_on(tmp_path: Path, post_ms: int) -> None:
    bench = SealedBench(tmp_path, replace(OFFSITE, follows=False))
    bench.post_ms = post_ms
    event = bench.event()
    bench.tell(event)
    bench.clock.advance(30)
    file = bench.sealed(event.start_ms, 30)
    assert bench.sent() == []
    bench.tell(event.ended(bench.clock.now_ms()), "ended")
    assert bench.sent() == [file.id]


def test_of_an_event_that_goes_on_a_destination_receives_its_kinds_alone(tmp_path: Path) -> None:
    bench = SealedBench(tmp_path, replace(OFFSITE, kinds=frozenset({"vehicle"})))
    event = bench.event()
    bench.tell(event)
    file = bench.sealed(event.start_ms - 20_000, 30)
    assert bench.sent() == []
    bench.tell(replace(event, kind="vehicle"), "updated")
    assert bench.sent() == [file.id]


def test_an_event_that_goes_on_is_found_behind_hundreds_of_newer_ones(bench: SealedBench) -> None:
    event = bench.event()
    bench.tell(event)
    for number in range(201):
        start_ms = event.start_ms + 1000 + number * 10
        brief = replace(event, id=EventId(f"brief{number}"), start_ms=start_ms, end_ms=start_ms + 5)
        bench.archive.index.put_event(brief)
    bench.clock.advance(60)
    file = bench.sealed(event.start_ms + 20_000, 30)
    assert bench.sent() == [file.id]


def test_a_running_event_is_not_searched_again_for_recordings_that_were_queued(
    bench: SealedBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else each closing of a long event would take longer than the one before."""
    event = bench.event()
    bench.tell(event)
    for begin_s in (0, 25):
        bench.clock.advance(25)
        bench.sealed(event.start_ms + begin_s * 1000, 25)
    asked, read = list[int](), bench.outbox.at

    def at(to: str, at_ms: int) -> list[Delivery]:
        asked.append(at_ms)
        return read(to, at_ms)

    monkeypatch.setattr(bench.outbox, "at", at)
    bench.tell(replace(event, score=60.0), "updated")
    bench.clock.advance(25)
    bench.sealed(event.start_ms + 50_000, 25)
    assert asked == [event.start_ms + 50_000]
    assert len(bench.sent()) == 3


@pytest.mark.parametrize("way", ["restart", "settings", "earlier start", "unlisted", "end"])
def test_a_running_event_is_searched_again_once_recordings_may_be_missing(bench: SealedBench, way: str) -> None:
    """unlisted: while the disk refused the event, a recording of it closed."""
    event = bench.event()
    bench.tell(event)
    bench.clock.advance(20)
    bench.sealed(event.start_ms, 20)
    missed = bench.unannounced(event.start_ms - (40_000 if way == "earlier start" else 20_000), 20)
    if way == "restart":
        bench.upload_scheduler = bench.again()
    if way == "settings":
        bench.upload_scheduler.take_over(bench.rules, bench.budget_bytes)
    if way == "unlisted":
        bench.archive.index.drop_event(event.id)
        bench.sealed(event.start_ms + 300_000, 20)
    changed = replace(event, start_ms=event.start_ms - 30_000) if way == "earlier start" else event
    bench.tell(changed.ended(bench.clock.now_ms()) if way == "end" else changed, "updated")
    assert missed.id in bench.sent()


def test_a_running_event_that_a_destination_begins_to_receive_is_sent_from_its_begin(tmp_path: Path) -> None:
    bench = SealedBench(tmp_path, replace(OFFSITE, kinds=frozenset({"person"})))
    event = bench.event()
    files = list[Segment]()
    for number, kind in enumerate(("person", "vehicle", "person")):
        bench.tell(replace(event, kind=kind))
        bench.clock.advance(20)
        files.append(bench.sealed(event.start_ms + number * 20_000, 20))
    assert sorted(bench.sent()) == sorted(one.id for one in files)


def test_they_go_before_clips_like_parts(bench: SealedBench) -> None:
    event = bench.event()
    clip = Delivery("offsite", "older.mp4", DeliveryKind.CLIP, {}, 0, 0, size_bytes=1)
    bench.outbox.add([clip])
    bench.tell(event)
    file = bench.sealed(event.start_ms - 20_000, 30)
    first = bench.outbox.take("offsite")
    assert first and first.content == {"segment": file.id}
    bench.outbox.put_back(first)
    assert [one.name for one in bench.outbox.keep_within(10**9, most=1)] == [clip.name]


def test_recordings_beyond_the_bound_of_the_event_do_not_go(tmp_path: Path) -> None:
    bench = SealedBench(tmp_path, replace(OFFSITE, max_s=60))
    event = bench.event()
    before = bench.sealed(event.start_ms - 20_000, 30)
    bench.tell(replace(event, end_ms=event.start_ms + 300_000), "ended")
    inside = bench.sealed(event.start_ms + 20_000, 30)
    bench.sealed(event.start_ms + 120_000, 30)
    assert [one.content for one in bench.waiting()] == [{"segment": before.id}, {"segment": inside.id}]


def test_recordings_replace_no_parts_of_before_the_camera_was_encrypted(bench: SealedBench) -> None:
    event = bench.event()
    bench.outbox.add([Delivery("offsite", "p", DeliveryKind.PIECE, {"from_ms": 0, "to_ms": 9}, 0, 0, event=event.id)])
    bench.tell(event)
    bench.sealed(event.start_ms - 20_000, 30)
    (recording,) = [one for one in bench.waiting() if one.what is DeliveryKind.CLIP]
    assert bench.replaced(recording) == []


def test_the_same_recording_goes_once(bench: SealedBench) -> None:
    event = bench.event()
    ended = replace(event, end_ms=event.start_ms + 5_000)
    segment = bench.sealed(event.start_ms - 20_000, 40)
    for _ in range(2):
        bench.tell(ended, "ended")
        bench.upload_scheduler.on_message(SegmentClosed(segment))
        bench.upload_scheduler.step()
    assert len(bench.waiting()) == 1


def test_its_picture_goes_sealed_and_at_once(bench: SealedBench) -> None:
    bench.tell(bench.event(picture_ms=5))
    (picture,) = bench.waiting()
    assert (picture.what, picture.content["sealed"], picture.name[:7]) == (DeliveryKind.PICTURE, True, "opaque/")


def test_a_recording_that_was_sent_under_another_name_is_not_sent_again(tmp_path: Path) -> None:
    """The day in its name was the one in UTC. Two events share it."""
    bench = SealedBench(tmp_path)
    bench.sealed(bench.event().start_ms - 20_000, 40)
    for name in ("e", "f"):
        event = replace(bench.event(), id=EventId(name))
        bench.tell(event.ended(event.start_ms + 5_000), "ended")
    assert bench.outbox.waiting().count == 1
    bench.rules = (replace(OFFSITE, zone=ZoneInfo("America/Los_Angeles")),)
    bench.upload_scheduler = bench.again()
    bench.clock.advance(10)
    bench.upload_scheduler.step()
    assert bench.outbox.waiting().count == 1


def test_names_can_be_as_all_else_there(tmp_path: Path) -> None:
    bench = SealedBench(tmp_path, replace(OFFSITE, names_sealed=True))
    bench.tell(bench.event(picture_ms=5))
    assert [one.name for one in bench.waiting()] == ["porch/2026/11/20/20261120T050000-e.tws"]


def test_what_was_recorded_before_the_camera_was_sealed_goes_as_ever(bench: SealedBench) -> None:
    event = bench.event()
    bench.archive.record(event.start_ms - 20_000, seconds=60)
    bench.tell(replace(event, end_ms=event.start_ms + 5_000, picture_ms=5), "ended")
    assert [one.name for one in bench.waiting()] == [
        "porch/2026/11/20/20261120T050000-e.jpg",
        "porch/2026/11/20/20261120T050000-e.mp4",
    ]


def test_an_event_that_goes_on_when_its_camera_is_encrypted_is_sent_whole(bench: SealedBench) -> None:
    """Its parts end where the first encrypted recording begins, which goes as it is, and no clip is cut from both."""
    bench.seal.is_on = False
    event = bench.event()
    before = bench.archive.record(event.start_ms - 20_000, seconds=26, is_open=True)
    bench.clock.advance(6)
    bench.tell(event)
    assert bench.cut() == [(-2, 6)]
    bench.seal.is_on = True
    bench.archive.still_open.remove(before)
    bench.plain(event.start_ms - 20_000, 28)
    bench.clock.advance(24)
    sealed = bench.sealed(event.start_ms + 8_000, 30)
    bench.tell(event.ended(event.start_ms + 20_000), "ended")
    assert bench.cut() == [(-2, 6), (6, 8)]
    assert (bench.cut(DeliveryKind.CLIP), bench.sent()) == ([], [sealed.id])


@pytest.mark.parametrize("follows", [True, False])
def test_an_event_whose_camera_is_encrypted_before_its_file_ends_is_sent_whole(tmp_path: Path, follows: bool) -> None:
    """The file is plain up to its end, and the end of the clip is in the next one."""
    bench = SealedBench(tmp_path, replace(OFFSITE, follows=follows))
    event = bench.event()
    open_file = bench.archive.record(event.start_ms - 20_000, seconds=25, is_open=True)
    bench.clock.advance(5)
    bench.tell(event)
    bench.tell(event.ended(event.start_ms + 5_000), "ended")
    bench.archive.still_open.remove(open_file)
    bench.plain(event.start_ms - 20_000, 27)
    bench.clock.advance(30)
    sealed = bench.sealed(event.start_ms + 7_000, 20)
    assert (bench.cut(), bench.cut(DeliveryKind.CLIP), bench.sent()) == ([(-2, 7)], [], [sealed.id])


def test_a_file_that_turns_out_to_hold_all_of_an_event_becomes_its_clip(bench: SealedBench) -> None:
    event = bench.event()
    open_file = bench.archive.record(event.start_ms - 20_000, seconds=25, is_open=True)
    bench.clock.advance(5)
    bench.tell(event.ended(event.start_ms + 5_000), "ended")
    bench.archive.still_open.remove(open_file)
    bench.clock.advance(10)
    bench.plain(event.start_ms - 20_000, 30)
    assert (bench.cut(), bench.cut(DeliveryKind.CLIP), bench.sent()) == ([], [(-2, 8)], [])


def test_a_clip_whose_end_was_encrypted_goes_in_parts(bench: SealedBench) -> None:
    """It waits for its end when encryption is turned on."""
    bench.seal.is_on = False
    event = bench.event()
    open_file = bench.archive.record(event.start_ms - 20_000, seconds=25, is_open=True)
    bench.clock.advance(5)
    bench.tell(event.ended(event.start_ms + 5_000), "ended")
    assert bench.cut(DeliveryKind.CLIP) == [(-2, 8)]
    bench.seal.is_on = True
    bench.archive.still_open.remove(open_file)
    bench.plain(event.start_ms - 20_000, 26)
    bench.clock.advance(20)
    sealed = bench.sealed(event.start_ms + 6_000, 15)
    assert (bench.cut(), bench.cut(DeliveryKind.CLIP), bench.sent()) == ([(-2, 6)], [], [sealed.id])


def test_an_event_that_goes_on_when_encryption_is_turned_off_is_sent_whole(bench: SealedBench) -> None:
    event = bench.event()
    bench.tell(event)
    bench.clock.advance(10)
    sealed = bench.sealed(event.start_ms - 20_000, 30)
    bench.seal.is_on = False
    bench.clock.advance(20)
    bench.plain(event.start_ms + 10_000, 20)
    bench.tell(event.ended(event.start_ms + 32_000), "ended")
    assert bench.cut() == [(10, 30)]
    bench.clock.advance(20)
    bench.plain(event.start_ms + 30_000, 20)
    assert (bench.cut(), bench.cut(DeliveryKind.CLIP)) == ([(10, 30), (30, 35)], [])
    assert bench.sent() == [sealed.id]


def test_what_is_not_encrypted_of_an_event_lasts_at_a_destination_that_deletes_parts(tmp_path: Path) -> None:
    bench = SealedBench(tmp_path, replace(OFFSITE, write_only=True))
    bench.seal.is_on = False
    event = bench.event()
    open_file = bench.archive.record(event.start_ms - 20_000, seconds=26, is_open=True)
    bench.clock.advance(6)
    bench.tell(event)
    bench.archive.still_open.remove(open_file)
    bench.seal.is_on = True
    bench.plain(event.start_ms - 20_000, 26)
    assert bench.cut() == [(-2, 6), (-2, 6)]
    assert [one.name.startswith("parts/") for one in bench.waiting()] == [True, False]


@pytest.mark.parametrize("is_kept", [False, True])
def test_events_sent_encrypted_are_not_sent_again_after_encryption_is_turned_off(
    bench: SealedBench, is_kept: bool
) -> None:
    event = bench.event(picture_ms=5)
    bench.seal.stored.add(sealed_path(picture_path(event)))
    bench.tell(event)
    bench.clock.advance(30)
    bench.sealed(event.start_ms - 20_000, 40)
    ended = event.ended(event.start_ms + 5_000)
    bench.tell(ended, "ended")
    before = bench.waiting()
    bench.seal.is_on = False
    bench.upload_scheduler = bench.again()
    bench.upload_scheduler.step()
    if is_kept:
        bench.tell(replace(ended, kept=True), "updated")
    assert bench.waiting() == before
    assert {one.name.rpartition(".")[2] for one in before} == {"tws"}


@pytest.mark.parametrize(("is_on", "stored", "form"), [
    (True, "plain", "jpg"), (False, "sealed", "tws"), (True, "both", "tws"), (False, "both", "jpg"),
])  # fmt: skip
def test_a_snapshot_goes_as_it_is_stored(bench: SealedBench, is_on: bool, stored: str, form: str) -> None:
    event = bench.event(picture_ms=5)
    path = picture_path(event)
    bench.seal.stored |= {"plain": {path}, "sealed": {sealed_path(path)}, "both": {path, sealed_path(path)}}[stored]
    bench.seal.is_on = is_on
    bench.tell(event)
    assert [one.name.rpartition(".")[2] for one in bench.waiting()] == [form]


@pytest.mark.parametrize(("is_sealed", "why"), [(True, "snapshot is encrypted"), (False, "has no snapshot")])
def test_a_snapshot_that_is_gone_is_not_called_encrypted(bench: SealedBench, is_sealed: bool, why: str) -> None:
    event = bench.event(picture_ms=5)
    bench.seal.is_on = False
    bench.tell(event)
    (picture,) = bench.waiting()
    bench.seal.stored |= {sealed_path(picture_path(event))} if is_sealed else set()
    forms = EventForms(bench.archive, ClipCache(bench.archive), lambda _: None, bench.seal)
    with pytest.raises(ContentGone, match=why):
        forms.of(picture)


def test_a_part_that_gave_way_to_a_clip_is_sent_when_the_clip_gives_way_to_encrypted_files(bench: SealedBench) -> None:
    """The queue was full, and has room again."""
    bench.seal.is_on = False
    event = bench.event()
    begun = bench.archive.record(event.start_ms - 20_000, seconds=26, is_open=True)
    bench.clock.advance(6)
    bench.tell(event)
    bench.tell(event.ended(event.start_ms + 6_000), "ended")
    waiting = bench.outbox.of_event(event.id)
    bench.outbox.keep_within(sum(one.size_bytes for one in waiting) - 1, None)
    assert {one.what for one in bench.outbox.of_event(event.id) if one.why == REPLACED} == {DeliveryKind.PIECE}
    bench.seal.is_on = True
    bench.archive.still_open.remove(begun)
    bench.plain(event.start_ms - 20_000, 26)
    bench.clock.advance(20)
    bench.sealed(event.start_ms + 6_000, 15)
    rows = bench.outbox.of_event(event.id)
    (part,) = [one for one in rows if one.what is DeliveryKind.PIECE and one.state is DeliveryState.WAITING]
    assert span_of(part).end_ms == event.start_ms + 6_000
