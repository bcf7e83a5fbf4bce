"""From events to what is brought elsewhere: at once, while they go on, when they are over, and after a kill."""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from tawny.delivery.delivery import Delivery, DeliveryKind, DeliveryState, portions
from tawny.delivery.file_names import NamedFile, checked, name
from tawny.delivery.outbox import QUEUE_FULL, REPLACED, Outbox
from tawny.model.errors import ContentGone, StorageError
from tawny.model.events import Event
from tawny.model.geometry import Polygon
from tawny.model.ids import CameraId, EventId, StreamName
from tawny.model.messages import EventChanged, SegmentClosed
from tawny.model.segments import Segment
from tawny.model.times import Span, merge_spans
from tawny.playback.clips import ClipCache
from tawny.service.delivery.event_forms import EventForms
from tawny.service.delivery.replaced_parts import replaced_parts
from tawny.service.delivery.upload_rules import UploadRule
from tawny.service.delivery.upload_scheduler import (
    SETTLE_MS,
    DeliverySource,
    UploadScheduler,
)
from tawny.testing.clock import FakeClock
from tests.playback.archives import PORCH, FakeArchive

PRE_MS, POST_MS = 2_000, 3_000
OFFSITE = UploadRule("offsite", checked("tawny"))


class Bench:
    """A porch of which the last minute is recorded, and an outbox."""

    def __init__(self, root: Path, *rules: UploadRule, budget_bytes: int = 10**9) -> None:
        self.clock = FakeClock()
        self.archive = FakeArchive(root)
        self.outbox = Outbox(":memory:", self.clock)
        self.rules, self.budget_bytes, self.post_ms = rules or (OFFSITE,), budget_bytes, POST_MS
        self.upload_scheduler = self.again()
        self.upload_scheduler.step()
        self.contents = EventForms(self.archive, ClipCache(self.archive), lambda _: b"a picture")

    def again(self) -> UploadScheduler:
        """As after a restart."""
        return UploadScheduler(
            DeliverySource(self.outbox, self.archive, self.clock, self.clip_of, called=lambda: {PORCH: "porch"}),
            self.rules,
            self.budget_bytes,
        )

    def clip_of(self, event: Event, now_ms: int) -> Span:
        return event.clip(now_ms, PRE_MS / 1000, self.post_ms / 1000)

    def deliver(self) -> list[DeliveryKind]:
        """Deliver all that is due. Return what it was."""
        kinds = []
        while taken := self.outbox.take("offsite"):
            self.outbox.done(taken, "", 0)
            kinds.append(taken.what)
        return kinds

    def carry(self) -> list[Delivery]:
        """Deliver all that is due, as a courier does. Return it."""
        carried = []
        while taken := self.outbox.take("offsite"):
            self.outbox.done(taken, "", 1, self.replaced(taken))
            carried.append(taken)
        return carried

    def replaced(self, delivery: Delivery, *, write_only: bool = False) -> list[Delivery]:
        """Make what is delivered, as a courier does, if it is recorded. Return what it replaces."""
        with suppress(ContentGone):
            self.contents.of(delivery)
        held, now_ms = self.contents.held(delivery), self.clock.now_ms()
        return replaced_parts(self.outbox, delivery, held, now_ms, write_only=write_only)

    def tell(self, event: Event, what: str = "started") -> None:
        self.archive.index.put_event(event)
        self.upload_scheduler.on_message(EventChanged(what, event))
        self.upload_scheduler.step()

    def kinds(self) -> list[DeliveryKind]:
        found = self.outbox.of_event(EventId("e"))
        return [one.what for one in found if one.state is DeliveryState.WAITING]

    def event(self, **about: Any) -> Event:
        now_ms = self.clock.now_ms()
        return replace(Event(EventId("e"), PORCH, "person", now_ms, None, 50.0), **about)


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    made = Bench(tmp_path)
    yield made
    made.outbox.close()


def test_the_picture_goes_at_once(bench: Bench) -> None:
    bench.tell(bench.event(picture_ms=bench.clock.now_ms()))
    (picture,) = bench.outbox.of_event(EventId("e"))
    assert (picture.what, picture.name) == (DeliveryKind.PICTURE, "porch/2026/11/20/20261120T050000-e.jpg")
    assert bench.contents.of(picture).read(0, 100) == b"a picture"


@pytest.mark.parametrize("preset", ["pancake", "rom-cam"])
def test_two_events_of_one_second_have_names_of_their_own(tmp_path: Path, preset: str) -> None:
    """The one that ends first is not the one that began first; all files of an event have the same number."""
    bench = Bench(tmp_path, replace(OFFSITE, names=checked(preset)))
    now_ms = bench.clock.now_ms()
    bench.archive.record(now_ms - 20_000, seconds=60)
    person = bench.event(start_ms=now_ms + 100, picture_ms=now_ms + 100)
    car = replace(person, id=EventId("f"), kind="vehicle", start_ms=now_ms + 700)
    for event, ended_ms in ((person, 0), (car, 0), (car, now_ms + 5_000), (person, now_ms + 9_000)):
        bench.tell(event.ended(ended_ms) if ended_ms else event)
    names = {event: [one.name for one in bench.outbox.of_event(event)] for event in (person.id, car.id)}
    stem = name(checked(preset), NamedFile(PORCH, now_ms, "e", ""), "jpg").removesuffix("jpg").removeprefix("jpg/")
    assert [one.partition("/")[2] if preset == "rom-cam" else one for one in names[person.id]] == [
        f"{stem}jpg", f"{stem}001.mp4", f"{stem}mp4",
    ]  # fmt: skip
    further = f"{stem[:-1]}-2."
    assert [one.partition("/")[2] if preset == "rom-cam" else one for one in names[car.id]] == [
        f"{further}jpg", f"{further}001.mp4", f"{further}mp4",
    ]  # fmt: skip


def test_a_recording_and_an_event_of_one_second_have_names_of_their_own(tmp_path: Path) -> None:
    names = checked("pancake")
    bench = Bench(tmp_path, replace(OFFSITE, names=names, what=frozenset({"events", "recordings"})))
    whole = bench.event(picture_ms=bench.clock.now_ms()).ended(bench.clock.now_ms() + 4_000)
    bench.tell(whole)
    bench.upload_scheduler.on_message(SegmentClosed(bench.archive.record(whole.start_ms, seconds=20)))
    bench.upload_scheduler.step()
    sent = sorted(one.name.rpartition("/")[2] for one in bench.outbox.since("offsite", 0))
    assert sent == ["20261120-050000-porch-2.mp4", "20261120-050000-porch.jpg", "20261120-050000-porch.mp4"]


def test_what_was_sent_under_another_name_is_not_sent_again(bench: Bench) -> None:
    """After an update with other names, or a change of `names` or `time_zone`."""
    whole = bench.event(picture_ms=bench.clock.now_ms()).ended(bench.clock.now_ms() + 4_000)
    bench.archive.record(whole.start_ms - 10_000, seconds=20)
    bench.tell(whole, "ended")
    assert bench.kinds() == [DeliveryKind.PICTURE, DeliveryKind.CLIP]
    bench.clock.advance(60)
    while taken := bench.outbox.take("offsite"):
        bench.outbox.done(taken, "", 0)
    bench.rules = (replace(OFFSITE, names=checked("pancake"), zone=ZoneInfo("Europe/Berlin")),)
    bench.upload_scheduler = bench.again()
    bench.upload_scheduler.step()
    assert bench.kinds() == []


@pytest.mark.parametrize(("max_s", "post_ms"), [(0, 9_000), (5, POST_MS)])
def test_clips_of_other_lengths_are_no_reason_to_send_earlier_ones_again(
    bench: Bench, max_s: float, post_ms: int
) -> None:
    whole = bench.event().ended(bench.clock.now_ms() + 4_000)
    bench.archive.record(whole.start_ms - 10_000, seconds=20)
    bench.tell(whole, "ended")
    bench.clock.advance(60)
    assert bench.deliver() == [DeliveryKind.CLIP]
    bench.rules, bench.post_ms = (replace(OFFSITE, max_s=max_s),), post_ms
    bench.again().step()
    assert bench.deliver() == []


def test_what_the_destination_keeps_no_longer_is_not_sent_again(tmp_path: Path) -> None:
    kept_s = 3 * 86_400
    bench = Bench(tmp_path, replace(OFFSITE, what=frozenset({"events", "recordings"}), retention_s=kept_s))
    whole = bench.event(picture_ms=bench.clock.now_ms()).ended(bench.clock.now_ms() + 4_000)
    bench.clock.advance(60)
    bench.upload_scheduler.on_message(SegmentClosed(bench.archive.record(whole.start_ms, seconds=20)))
    bench.tell(whole, "ended")
    assert bench.deliver() == [DeliveryKind.PICTURE, DeliveryKind.CLIP, DeliveryKind.FOOTAGE]
    bench.clock.advance(kept_s)
    now_ms = bench.clock.now_ms()
    for sent in bench.outbox.ended("offsite"):
        bench.outbox.renew(Delivery("offsite", sent.name, DeliveryKind.REMOVAL, {}, made_ms=now_ms, at_ms=1))
    assert set(bench.deliver()) == {DeliveryKind.REMOVAL}
    bench.again().step()
    assert bench.deliver() == []


def test_a_mark_is_no_reason_to_send_what_the_destination_keeps_no_longer(tmp_path: Path) -> None:
    bench = Bench(tmp_path, replace(OFFSITE, retention_s=30 * 86_400))
    whole = bench.event(picture_ms=bench.clock.now_ms()).ended(bench.clock.now_ms() + 4_000)
    bench.clock.advance(40 * 86_400)
    bench.tell(replace(whole, kept=True), "updated")
    assert bench.deliver() == []


def test_a_mark_is_no_reason_to_replace_a_clip_by_one_of_another_length(bench: Bench) -> None:
    whole = bench.event().ended(bench.clock.now_ms() + 4_000)
    bench.archive.record(whole.start_ms - 10_000, seconds=20)
    bench.tell(whole, "ended")
    bench.clock.advance(60)
    assert bench.deliver() == [DeliveryKind.CLIP]
    bench.post_ms = 9_000
    bench.tell(replace(whole, kept=True), "updated")
    assert bench.deliver() == []


def test_a_clip_that_ends_early_is_told(bench: Bench, caplog: pytest.LogCaptureFixture) -> None:
    """One file has one picture size; what comes after a change is in the recordings only."""
    whole = bench.event().ended(bench.clock.now_ms() + 4_000)
    bench.archive.record(whole.start_ms - 10_000, seconds=12)
    bench.archive.record(whole.start_ms + 2_000, seconds=12, size=(128, 80))
    bench.tell(whole, "ended")
    (clip,) = [one for one in bench.outbox.of_event(EventId("e")) if one.what is DeliveryKind.CLIP]
    assert bench.contents.of(clip).size_bytes
    assert "porch: a clip for offsite ends at 2026-11-20T05:00:02" in caplog.text


def test_names_are_in_the_zone_of_the_destination(tmp_path: Path) -> None:
    bench = Bench(tmp_path, replace(OFFSITE, zone=ZoneInfo("America/Los_Angeles")))
    bench.tell(bench.event(picture_ms=bench.clock.now_ms()))
    (picture,) = bench.outbox.of_event(EventId("e"))
    assert picture.name == "porch/2026/11/19/20261119T210000-e.jpg"


def test_a_better_picture_goes_too_and_the_same_does_not(bench: Bench) -> None:
    first = bench.event(picture_ms=1)
    bench.tell(first)
    taken = bench.outbox.take("offsite")
    assert taken
    bench.outbox.done(taken, "", 0)
    bench.tell(first, "updated")
    assert bench.kinds() == []
    bench.tell(replace(first, picture_ms=2), "updated")
    assert bench.kinds() == [DeliveryKind.PICTURE]


def test_while_it_goes_on_its_video_follows_in_pieces(bench: Bench) -> None:
    event = bench.event()
    bench.tell(event)
    bench.archive.record(event.start_ms - 10_000, seconds=10)
    for part in range(2):
        bench.archive.record(event.start_ms + part * 6_000, seconds=6)
        bench.clock.advance(6)
        bench.upload_scheduler.step()
    pieces = bench.outbox.of_event(event.id)
    assert [piece.name for piece in pieces] == [
        "porch/2026/11/20/20261120T050000-e.001.mp4",
        "porch/2026/11/20/20261120T050000-e.002.mp4",
    ]
    assert [piece.needs for piece in pieces] == [
        Span(event.start_ms - PRE_MS, event.start_ms + 6_000),
        Span(event.start_ms + 6_000, event.start_ms + 12_000),
    ]


def test_a_part_ends_where_the_picture_size_changes(bench: Bench) -> None:
    """One file has one picture size: a part across the change would lack what comes after it."""
    event = bench.event()
    bench.archive.record(event.start_ms - 10_000, seconds=12)
    bench.archive.record(event.start_ms + 2_000, seconds=8, size=(128, 80))
    bench.tell(event)
    bench.clock.advance(10)
    for _ in range(2):
        bench.upload_scheduler.step()
    parts = [one.needs for one in bench.outbox.of_event(event.id)]
    start_ms = event.start_ms
    assert parts == [Span(start_ms - PRE_MS, start_ms + 2_000), Span(start_ms + 2_000, start_ms + 10_000)]


def test_what_goes_on_is_off_site_at_most_ten_seconds_behind_what_is_recorded(bench: Bench) -> None:
    """At every second of a minute, with a destination that takes a second for each."""
    event = bench.event()
    bench.archive.record(event.start_ms - 4_000, seconds=4)
    bench.tell(event)
    there_ms, behind_s = event.start_ms - PRE_MS, list[float]()
    for second in range(60):
        bench.archive.record(event.start_ms + second * 1000, seconds=1)
        bench.clock.advance(1)
        taken = bench.outbox.take("offsite")
        bench.upload_scheduler.step()
        if taken is not None and taken.needs is not None:
            assert bench.contents.of(taken).size_bytes > 0
            assert taken.needs.begin_ms == there_ms  # no hole
            there_ms = taken.needs.end_ms
            bench.outbox.done(taken, "", 1)
        behind_s.append((event.start_ms + (second + 1) * 1000 - there_ms) / 1000)
    assert max(behind_s) <= 10


def test_when_it_is_over_the_clip_goes_as_soon_as_its_post_roll_is_recorded(bench: Bench) -> None:
    event = bench.event().ended(bench.clock.now_ms() + 4_000)
    bench.archive.record(event.start_ms - 10_000, seconds=16)
    bench.tell(event, "ended")
    bench.clock.advance(7.5)
    assert bench.upload_scheduler.step() < 1
    assert bench.outbox.take("offsite") is None
    bench.archive.record(event.start_ms + 6_000, seconds=1)
    bench.upload_scheduler.step()
    clip = bench.outbox.take("offsite")
    assert clip
    assert clip.what is DeliveryKind.CLIP
    content = bench.contents.of(clip)
    assert content.read(4, 4) == b"ftyp"
    assert len(content.sha256) == 64


@pytest.mark.shows("DY9")
def test_of_a_camera_that_records_around_events_the_whole_clip_is_brought(bench: Bench) -> None:
    """Nothing is recorded before the pre-roll and after the post-roll."""
    event = bench.event().ended(bench.clock.now_ms() + 4_000)
    bench.archive.record(event.start_ms - PRE_MS, seconds=9)
    bench.tell(event, "ended")
    bench.clock.advance(7 + SETTLE_MS / 1000)
    bench.upload_scheduler.step()
    clip = bench.outbox.take("offsite")
    assert clip
    assert clip.what is DeliveryKind.CLIP
    content = bench.contents.of(clip)
    assert content.size_bytes > 0
    assert bench.outbox.take("offsite") is None


def test_a_clip_whose_end_is_never_recorded_goes_all_the_same(bench: Bench) -> None:
    event = bench.event().ended(bench.clock.now_ms() + 4_000)
    bench.archive.record(event.start_ms - 10_000, seconds=12)
    bench.tell(event, "ended")
    (clip,) = bench.outbox.of_event(event.id)
    assert event.end_ms
    assert (clip.what, clip.next_ms) == (DeliveryKind.CLIP, event.end_ms + POST_MS + SETTLE_MS)
    bench.clock.advance(7 + SETTLE_MS / 1000)
    assert bench.outbox.take("offsite") == clip


def test_pieces_are_taken_away_once_the_clip_is_there(bench: Bench) -> None:
    event = bench.event()
    bench.tell(event)
    bench.archive.record(event.start_ms - 4_000, seconds=12)
    bench.upload_scheduler.step()
    bench.tell(event.ended(event.start_ms + 4_000), "ended")
    bench.clock.advance(30)
    assert [one.name for one in bench.carry()] == [
        "porch/2026/11/20/20261120T050000-e.001.mp4",
        "porch/2026/11/20/20261120T050000-e.mp4",
    ]
    assert [one.what for one in bench.outbox.of_event(event.id) if one.state is DeliveryState.WAITING] == [
        DeliveryKind.REMOVAL
    ]


def test_a_clip_waits_for_its_last_second_after_the_clock_was_ahead(bench: Bench) -> None:
    event = bench.event()
    bench.archive.record(event.start_ms + 7_200_000, seconds=10)
    bench.archive.record(event.start_ms - 10_000, seconds=14)
    bench.clock.advance(4)
    bench.tell(event.ended(event.start_ms + 4_000), "ended")
    bench.upload_scheduler.step()
    assert bench.outbox.take("offsite") is None


def test_after_the_clock_was_ahead_no_event_is_longer_than_it_is(tmp_path: Path) -> None:
    bench = Bench(tmp_path, replace(OFFSITE, max_s=600.0, follows=False))
    event = bench.event()
    bench.archive.record(event.start_ms + 7_200_000, seconds=10)
    bench.archive.record(event.start_ms - 10_000, seconds=10)
    bench.tell(event)
    bench.upload_scheduler.step()
    assert bench.kinds() == []


def test_of_a_camera_with_masks_the_clip_is_as_long_as_can_be_masked_and_parts_of_the_rest_stay(bench: Bench) -> None:
    bench.archive.hidden = (Polygon.of([(0, 0), (0.2, 0), (0.2, 0.2)]),)
    event = bench.event()
    bench.tell(event)
    for part in range(2):
        bench.archive.record(event.start_ms - 10_000 + part * 200_000, seconds=200)
        bench.upload_scheduler.step()
    bench.clock.advance(400)
    bench.tell(event.ended(event.start_ms + 360_000), "ended")
    (clip,) = [one for one in bench.outbox.of_event(event.id) if one.what is DeliveryKind.CLIP]
    assert clip.needs == Span(event.start_ms - PRE_MS, event.start_ms - PRE_MS + 300_000)
    bench.carry()
    left = [one.what for one in bench.outbox.of_event(event.id) if one.what is not DeliveryKind.CLIP]
    assert left == [DeliveryKind.PIECE, DeliveryKind.REMOVAL]


def test_a_clip_that_is_too_long_to_mask_says_so(bench: Bench) -> None:
    """Its camera has had masks since it was queued."""
    whole = bench.event().ended(bench.clock.now_ms() + 360_000)
    bench.archive.record(whole.start_ms - 2_000, seconds=4)
    bench.tell(whole, "ended")
    bench.archive.hidden = (Polygon.of([(0, 0), (0.2, 0), (0.2, 0.2)]),)
    (clip,) = bench.outbox.of_event(EventId("e"))
    with pytest.raises(ContentGone, match="with privacy masks, clips can be at most 5 min"):
        bench.contents.of(clip)


def test_after_a_restart_what_was_missed_is_made_up_for_once(bench: Bench) -> None:
    event = bench.event(picture_ms=5)
    bench.archive.index.put_event(event.ended(event.start_ms + 4_000))  # its message was lost with the power
    for _ in range(2):
        bench.clock.advance(60)
        bench.again().step()
    assert bench.kinds() == [DeliveryKind.PICTURE, DeliveryKind.CLIP]


@pytest.mark.parametrize("method", ["renew", "add"])
def test_what_the_outbox_could_not_store_is_stored_at_the_next_step(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, method: str
) -> None:
    """The supervisor restarts the scheduler after an error of a full or slow disk."""
    store, fails = getattr(bench.outbox, method), [StorageError("outbox.db", "No space left on device")]

    def once_full(*what: object) -> object:
        if fails:
            raise fails.pop()
        return store(*what)

    event = bench.event()
    bench.archive.record(event.start_ms - 10_000, seconds=16)
    ended = method == "renew"
    bench.archive.index.put_event(event)
    monkeypatch.setattr(bench.outbox, method, once_full)
    bench.upload_scheduler.on_message(
        EventChanged("ended", event.ended(event.start_ms + 4_000)) if ended else EventChanged("started", event)
    )
    with pytest.raises(StorageError):
        bench.upload_scheduler.step()
    bench.upload_scheduler.step()
    assert bench.kinds() == [DeliveryKind.CLIP if ended else DeliveryKind.PIECE]
    (stored,) = bench.outbox.of_event(EventId("e"))
    assert stored.needs is not None
    assert stored.needs.begin_ms == event.start_ms - PRE_MS


def test_what_was_before_the_destination_is_not_for_it(bench: Bench) -> None:
    earlier = bench.event(start_ms=bench.clock.now_ms() - 60_000).ended(bench.clock.now_ms() - 50_000)
    bench.archive.index.put_event(earlier)
    bench.clock.advance(60)
    bench.again().step()
    assert bench.kinds() == []


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        (replace(OFFSITE, kinds=frozenset({"person"})), True),
        (replace(OFFSITE, kinds=frozenset({"vehicle"})), False),
        (replace(OFFSITE, cameras=frozenset({CameraId("yard")})), False),
        (replace(OFFSITE, what=frozenset({"kept_events"})), False),
        (replace(OFFSITE, what=frozenset({"recordings"})), False),
    ],
)
def test_a_destination_gets_what_it_is_for(tmp_path: Path, rule: UploadRule, expected: bool) -> None:
    bench = Bench(tmp_path, rule)
    bench.tell(bench.event().ended(bench.clock.now_ms() + 1000), "ended")
    assert bool(bench.kinds()) is expected


def test_what_somebody_keeps_goes_when_it_is_kept(tmp_path: Path) -> None:
    bench = Bench(tmp_path, replace(OFFSITE, what=frozenset({"kept_events"})))
    event = bench.event().ended(bench.clock.now_ms() + 1000)
    bench.tell(event, "ended")
    bench.tell(replace(event, kept=True), "updated")
    assert bench.kinds() == [DeliveryKind.CLIP]


def test_where_clips_wait_for_each_other_no_pieces_follow(tmp_path: Path) -> None:
    bench = Bench(tmp_path, replace(OFFSITE, follows=False))
    event = bench.event()
    bench.tell(event)
    bench.archive.record(event.start_ms - 4_000, seconds=12)
    bench.upload_scheduler.step()
    assert bench.kinds() == []
    bench.tell(event.ended(event.start_ms + 4_000), "ended")
    assert bench.kinds() == [DeliveryKind.CLIP]


def bound(root: Path, max_s: float, **about: Any) -> Bench:
    return Bench(root, replace(OFFSITE, max_s=max_s, **about))


def lasts(bench: Bench, event: Event, seconds: int, begin_s: int = 0) -> None:
    """Record in steps of six seconds while the event goes on."""
    if not begin_s:
        bench.archive.record(event.start_ms - 10_000, seconds=10)
    bench.tell(event)
    for at_s in range(begin_s, seconds, 6):
        bench.archive.record(event.start_ms + at_s * 1000, seconds=6)
        bench.clock.advance(6)
        bench.tell(event, "updated")


def test_an_event_that_does_not_end_is_sent_up_to_its_bound(tmp_path: Path) -> None:
    """A camera that is covered or in the dark: its parts end there, and the clip goes though the event lasts."""
    bench = bound(tmp_path, 60)
    event = bench.event(kind="tamper")
    lasts(bench, event, 300)
    sent = bench.outbox.of_event(event.id)
    begin_ms, end_ms = event.start_ms - PRE_MS, event.start_ms - PRE_MS + 60_000
    pieces = [one.needs for one in sent if one.what is DeliveryKind.PIECE and one.needs is not None]
    assert sum(span.end_ms - span.begin_ms for span in pieces) <= 60_000
    (clip,) = [one for one in sent if one.what is DeliveryKind.CLIP]
    assert (clip.needs, clip.next_ms <= bench.clock.now_ms()) == (Span(begin_ms, end_ms), True)
    assert bench.contents.of(clip).size_bytes > 0
    bench.tell(event.ended(event.start_ms + 300_000), "ended")
    assert bench.outbox.of_event(event.id) == sent
    bench.outbox.close()


def test_where_clips_wait_for_each_other_it_is_sent_at_its_bound_too(tmp_path: Path) -> None:
    bench = bound(tmp_path, 60, follows=False)
    event = bench.event()
    lasts(bench, event, 54)
    assert bench.kinds() == []
    lasts(bench, event, 66, begin_s=54)
    assert bench.kinds() == [DeliveryKind.CLIP]
    bench.outbox.close()


def test_without_a_bound_it_is_sent_as_long_as_it_lasts(tmp_path: Path) -> None:
    bench = bound(tmp_path, 0)
    event = bench.event()
    lasts(bench, event, 300)
    pieces = [one.needs for one in bench.outbox.of_event(event.id) if one.needs is not None]
    assert max(span.end_ms for span in pieces) >= event.start_ms + 290_000
    bench.outbox.close()


@pytest.mark.parametrize("max_s", [30, 60, 0])
def test_an_event_that_was_missed_is_sent_up_to_its_bound(tmp_path: Path, max_s: float) -> None:
    bench = bound(tmp_path, max_s)
    event = bench.event()
    bench.archive.record(event.start_ms - 10_000, seconds=100)
    bench.tell(event.ended(event.start_ms + 60_000), "ended")
    (clip,) = bench.outbox.of_event(event.id)
    whole_ms = 60_000 + PRE_MS + POST_MS
    assert clip.needs is not None
    assert clip.needs.end_ms - clip.needs.begin_ms == (min(whole_ms, max_s * 1000) if max_s else whole_ms)
    bench.outbox.close()


def test_another_destination_is_taken_over_while_an_event_goes_on(bench: Bench) -> None:
    event = bench.event()
    bench.tell(event)
    bench.archive.record(event.start_ms - 4_000, seconds=12)
    bench.upload_scheduler.step()
    nas = replace(OFFSITE, to="nas")
    bench.upload_scheduler.take_over([OFFSITE, nas], 10**9)
    bench.archive.record(event.start_ms + 8_000, seconds=8)
    bench.clock.advance(16)
    bench.tell(event, "updated")
    bench.tell(event.ended(event.start_ms + 12_000), "ended")
    names = {(one.to, one.name.rpartition("-")[2]) for one in bench.outbox.of_event(event.id)}
    assert {("offsite", "e.001.mp4"), ("offsite", "e.002.mp4"), ("offsite", "e.mp4"), ("nas", "e.mp4")} <= names


def test_what_is_no_longer_wished_for_is_not_followed(bench: Bench) -> None:
    bench.tell(bench.event())
    bench.upload_scheduler.take_over([], 10**9)
    bench.archive.record(bench.clock.now_ms() - 4_000, seconds=12)
    bench.upload_scheduler.step()
    assert bench.kinds() == []


def test_what_a_clip_will_take_is_known_from_what_is_recorded(bench: Bench) -> None:
    segment = bench.archive.record(bench.clock.now_ms() - 4_000, seconds=12)
    bench.tell(bench.event().ended(bench.clock.now_ms() + 1_000), "ended")
    (clip,) = bench.outbox.of_event(EventId("e"))
    assert clip.size_bytes == segment.size_bytes // 2


def test_footage_is_sent_file_by_file(tmp_path: Path) -> None:
    bench = Bench(tmp_path, replace(OFFSITE, what=frozenset({"recordings"})))
    segment = bench.archive.record(bench.clock.now_ms() - 60_000, seconds=4)
    bench.upload_scheduler.on_message(SegmentClosed(segment))
    bench.upload_scheduler.step()
    taken = bench.outbox.take("offsite")
    assert taken
    assert (taken.what, bench.contents.of(taken).read(4, 4)) == (DeliveryKind.FOOTAGE, b"ftyp")


@pytest.mark.parametrize("cameras", [frozenset({PORCH}), None])
def test_a_recording_that_was_closed_at_the_stop_is_sent_once_after_it(
    tmp_path: Path, cameras: frozenset[CameraId] | None
) -> None:
    bench = Bench(tmp_path, replace(OFFSITE, what=frozenset({"recordings"}), cameras=cameras))
    bench.clock.advance(60)
    answer, *_ = [bench.archive.record(bench.clock.now_ms() - 20_000 + at_s * 1000, seconds=4) for at_s in (0, 4)]
    bench.archive.record(bench.clock.now_ms() - 16_000, seconds=4, stream=StreamName.SUB)
    bench.archive.record(bench.clock.now_ms() - 80_000, seconds=4)  # before the destination
    bench.upload_scheduler.on_message(SegmentClosed(answer))
    bench.upload_scheduler.step()
    for names in (OFFSITE.names, checked("pancake")):  # another name is no reason to send it again
        bench.rules = (replace(bench.rules[0], names=names),)
        bench.upload_scheduler = bench.again()
        for _ in range(2):
            bench.upload_scheduler.step()
    found = bench.outbox.since("offsite", 0)
    assert [(one.what, one.at_ms - answer.start_ms) for one in found] == [
        (DeliveryKind.FOOTAGE, 0),
        (DeliveryKind.FOOTAGE, 4000),
    ]


def test_over_the_budget_is_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    bench = Bench(tmp_path, budget_bytes=1000)
    bench.tell(bench.event(picture_ms=1).ended(bench.clock.now_ms() + 1000), "ended")
    assert [one.what for one in bench.outbox.ended("offsite")] == [DeliveryKind.CLIP]
    assert bench.outbox.overflowed(0) == {"offsite": 1}
    assert "dropped 1 that waited for offsite" in caplog.text
    assert bench.kinds() == [DeliveryKind.PICTURE]


def test_what_was_removed_meanwhile_is_gone(bench: Bench) -> None:
    bench.tell(bench.event().ended(bench.clock.now_ms() + 1000), "ended")
    (clip,) = bench.outbox.of_event(EventId("e"))
    with pytest.raises(ContentGone, match="its recording was deleted"):
        bench.contents.of(clip)


FORMS = ("mp4", "jpg", "gif", "ts", "sheet")


def test_each_form_is_sent_once_and_nothing_before_the_end(tmp_path: Path) -> None:
    bench = Bench(tmp_path, replace(OFFSITE, forms=FORMS, follows=False, at_once=False))
    begun = bench.event(picture_ms=bench.clock.now_ms())
    bench.tell(begun)
    bench.clock.advance(30)
    bench.upload_scheduler.step()
    assert bench.kinds() == []
    bench.tell(begun.ended(bench.clock.now_ms()), "ended")
    bench.tell(begun.ended(bench.clock.now_ms()), "updated")
    found = bench.outbox.of_event(EventId("e"))
    assert [one.name.partition(".")[2] for one in found] == ["jpg", "ts", "mp4", "gif", "sheet.jpg"]
    bench.clock.advance(60)
    assert len(bench.carry()) == len(found)
    assert bench.kinds() == []


@pytest.mark.parametrize(
    ("form", "begin", "media_type"),
    [("ts", b"\x47", "video/mp2t"), ("fmp4", b"\0\0", "video/mp4"), ("gif", b"GIF89a", "image/gif"),
     ("sheet", b"\xff\xd8", "image/jpeg")],
)  # fmt: skip
def test_a_form_is_made_of_the_recording(tmp_path: Path, form: str, begin: bytes, media_type: str) -> None:
    bench = Bench(tmp_path)
    bench.archive.record(bench.clock.now_ms() - 20_000, 20)
    now_ms = bench.clock.now_ms()
    content = {"from_ms": now_ms - 12_000, "to_ms": now_ms - 2_000, "form": form}
    asked = Delivery("offsite", "x", DeliveryKind.CLIP, content, now_ms, now_ms, camera=PORCH)
    made = bench.contents.of(asked, (4, 3))
    data = b"".join(portions(made))
    assert (data[: len(begin)], made.media_type, len(data)) == (begin, media_type, made.size_bytes)
    assert (b"moof" in data) == (form == "fmp4")


def test_a_form_of_what_was_deleted_is_dropped(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    for form in ("ts", "fmp4", "gif", "sheet"):
        asked = Delivery(
            "offsite", "x", DeliveryKind.CLIP, {"from_ms": 0, "to_ms": 9, "form": form}, 1, 1, camera=PORCH
        )
        with pytest.raises(ContentGone):
            bench.contents.of(asked)


def goes_on(bench: Bench, seconds: int, begin_s: int = -10) -> None:
    """Record in files of ten seconds while time passes, from and to seconds after the event's begin."""
    for _ in range(begin_s, seconds, 10):
        bench.archive.record(bench.clock.now_ms(), seconds=10)
        bench.clock.advance(10)
        bench.upload_scheduler.step()


def masked(root: Path, **about: Any) -> tuple[Bench, Event]:
    """Return a camera with privacy masks, and its event that begins after ten recorded seconds."""
    bench = Bench(root, replace(OFFSITE, **about))
    bench.archive.hidden = (Polygon.of([(0, 0), (0.2, 0), (0.2, 0.2)]),)
    return bench, bench.event(start_ms=bench.clock.now_ms() + 10_000)


def brought(bench: Bench) -> list[Span]:
    """Deliver what is due. Return the times that are at the destination then, in the order of their begin."""
    bench.carry()
    sent = [one for one in bench.outbox.of_event(EventId("e")) if one.what in (DeliveryKind.PIECE, DeliveryKind.CLIP)]
    return sorted((one.needs for one in sent if one.needs is not None), key=lambda span: span.begin_ms)


@pytest.mark.parametrize("max_s", [0, 350])
@pytest.mark.parametrize("follows", [True, False])
def test_what_is_longer_than_a_masked_clip_arrives_up_to_its_end(
    tmp_path: Path, max_s: float, *, follows: bool
) -> None:
    bench, event = masked(tmp_path, follows=follows, max_s=max_s)
    bench.tell(event)
    goes_on(bench, 360)
    bench.tell(event.ended(event.start_ms + 365_000), "ended")
    goes_on(bench, 380, begin_s=360)
    begin_ms, end_ms = event.start_ms - PRE_MS, event.start_ms + 365_000 + POST_MS
    found = brought(bench)
    assert found[0] == Span(begin_ms, begin_ms + 300_000)
    assert merge_spans(found) == [Span(begin_ms, begin_ms + 350_000 if max_s else end_ms)]
    bench.outbox.close()


def test_where_a_rule_deletes_the_parts_the_end_of_a_masked_event_stays(tmp_path: Path) -> None:
    bench, event = masked(tmp_path, write_only=True)
    bench.tell(event)
    goes_on(bench, 360)
    bench.tell(event.ended(event.start_ms + 365_000), "ended")
    stay = [one for one in bench.outbox.of_event(event.id) if not one.name.startswith("parts/")]
    begin_ms, end_ms = event.start_ms - PRE_MS, event.start_ms + 365_000 + POST_MS
    assert [one.needs for one in stay] == [Span(begin_ms + 300_000, end_ms), Span(begin_ms, begin_ms + 300_000)]
    names = [one.name.rpartition("/")[2] for one in bench.outbox.of_event(event.id)]
    assert len(names) == len(set(names))
    bench.outbox.close()


def test_after_a_restart_a_masked_event_that_was_missed_arrives_up_to_its_end_once(tmp_path: Path) -> None:
    bench, event = masked(tmp_path)
    bench.archive.index.put_event(event.ended(event.start_ms + 700_000))  # its messages were lost with the power
    bench.clock.advance(800)
    for _ in range(2):
        bench.again().step()
    parts_ms = [0, 300_000, 600_000, 700_000 + PRE_MS + POST_MS]
    begin_ms = event.start_ms - PRE_MS
    assert brought(bench) == [Span(begin_ms + one, begin_ms + two) for one, two in pairwise(parts_ms)]
    bench.outbox.close()


def test_after_a_restart_during_a_masked_event_its_parts_go_on_where_they_ended(tmp_path: Path) -> None:
    bench, event = masked(tmp_path)
    bench.tell(event)
    goes_on(bench, 320)
    bench.upload_scheduler = bench.again()
    bench.tell(event, "updated")
    goes_on(bench, 360, begin_s=320)
    bench.tell(event.ended(event.start_ms + 360_000), "ended")
    goes_on(bench, 380, begin_s=360)
    assert merge_spans(brought(bench)) == [Span(event.start_ms - PRE_MS, event.start_ms + 360_000 + POST_MS)]
    bench.outbox.close()


def test_what_comes_after_a_change_of_the_picture_size_arrives_though_nothing_is_followed(tmp_path: Path) -> None:
    bench = Bench(tmp_path, replace(OFFSITE, follows=False))
    event = bench.event()
    bench.archive.record(event.start_ms - 10_000, seconds=12)
    bench.archive.record(event.start_ms + 2_000, seconds=10, size=(128, 80))
    bench.clock.advance(20)
    bench.tell(event.ended(event.start_ms + 6_000), "ended")
    (part,) = [one for one in bench.outbox.of_event(event.id) if one.what is DeliveryKind.PIECE]
    assert part.needs == Span(event.start_ms + 2_000, event.start_ms + 6_000 + POST_MS)
    assert bench.contents.of(part).size_bytes > 0
    bench.outbox.close()


def test_of_a_full_queue_only_parts_that_the_clip_can_hold_count_as_replaced(tmp_path: Path) -> None:
    """The clip ends at the change of the picture size. Parts of what comes after it are lost."""
    bench = Bench(tmp_path)
    event = bench.event()
    bench.archive.record(event.start_ms - 10_000, seconds=16)
    bench.tell(event)
    bench.archive.record(event.start_ms + 6_000, seconds=7, size=(128, 80))
    bench.clock.advance(20)
    bench.upload_scheduler.step()
    bench.tell(event.ended(event.start_ms + 10_000), "ended")
    dropped = bench.outbox.keep_within(10**9, most=0)
    assert [(one.what, one.why) for one in dropped] == [
        (DeliveryKind.PIECE, REPLACED), (DeliveryKind.CLIP, QUEUE_FULL), (DeliveryKind.PIECE, QUEUE_FULL),
    ]  # fmt: skip
    bench.outbox.close()


def after_a_change_of_size(root: Path) -> tuple[Bench, Segment, list[Delivery]]:
    """An event during which the picture size changes. Return also the later recording, the two parts and the clip."""
    bench = Bench(root)
    event = bench.event()
    bench.archive.record(event.start_ms - 10_000, seconds=16)
    bench.tell(event)
    after = bench.archive.record(event.start_ms + 6_000, seconds=7, size=(128, 80))
    bench.clock.advance(20)
    bench.upload_scheduler.step()
    bench.tell(event.ended(event.start_ms + 10_000), "ended")
    bench.clock.advance(20)
    return bench, after, [one for one in iter(lambda: bench.outbox.take("offsite"), None) if one]


def test_recordings_after_a_change_of_format_are_held_until_the_clip_has_left(tmp_path: Path) -> None:
    """Without them, the clip would seem to be whole."""
    bench, after, (first, rest, _) = after_a_change_of_size(tmp_path)
    for part in (first, rest):
        bench.outbox.done(part, "", 1)
    assert any(span.overlaps(after.span) for _, span in bench.outbox.held())
    bench.outbox.close()


def test_parts_of_what_was_gone_when_the_clip_was_made_are_not_removed(tmp_path: Path) -> None:
    bench, after, (first, rest, clip) = after_a_change_of_size(tmp_path)
    for part in (first, rest):
        bench.outbox.done(part, "", 1)
    bench.archive.index.drop_segments([after])
    assert [one.name for one in bench.replaced(clip)] == [first.name]
    bench.outbox.close()


def lose(bench: Bench, lost: Segment, how: str) -> None:
    if how == "deleted":
        bench.archive.index.drop_segments([lost])
        return
    path = bench.archive.segment_path(lost)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2] if how == "cut off" else b"")


@pytest.mark.parametrize("how", ["deleted", "cut off", "empty"])
@pytest.mark.parametrize(("lost", "kept"), [(0, ["001"]), (1, ["001"]), (2, ["002"])])
def test_parts_stay_that_have_what_the_clip_lacks(bench: Bench, lost: int, kept: list[str], how: str) -> None:
    """Wherever in the event it was: a part is the only copy."""
    event, files = bench.event(), list[Segment]()
    for begin_s, end_s in ((-10, 2), (2, 8), (8, 20)):
        files.append(bench.archive.record(event.start_ms + begin_s * 1000, seconds=end_s - begin_s))
        bench.clock.advance(max(0, end_s - 2))
        bench.tell(event)
    bench.tell(event.ended(event.start_ms + 14_000), "ended")
    bench.clock.advance(20)
    *parts, clip = [one for one in iter(lambda: bench.outbox.take("offsite"), None) if one]
    for part in parts:
        bench.outbox.done(part, "", 1)
    lose(bench, files[lost], how)
    removed = {one.name for one in bench.replaced(clip)}
    assert [one.name[-7:-4] for one in parts if one.name not in removed] == kept


@pytest.mark.parametrize("write_only", [False, True])
def test_parts_that_a_full_queue_left_to_the_clip_go_after_all_if_it_lacks_them(
    tmp_path: Path, write_only: bool
) -> None:
    bench, after, taken = after_a_change_of_size(tmp_path)
    for one in taken:
        bench.outbox.put_back(one)
    bench.outbox.keep_within(10**9, most=2)
    assert [(one.state, one.why) for one in stored(bench, taken[:1])] == [(DeliveryState.DROPPED, REPLACED)]
    clip = bench.outbox.find("offsite", taken[-1].name)
    assert clip
    lose(bench, bench.archive.index.segments(PORCH, StreamName.MAIN, clip.needs or after.span)[0], "empty")
    bench.outbox.done(clip, "", 1, bench.replaced(clip, write_only=write_only))
    assert [(one.state, one.why) for one in stored(bench, taken[:1])] == [(DeliveryState.WAITING, "")]
    bench.outbox.close()


def stored(bench: Bench, parts: list[Delivery]) -> list[Delivery]:
    return [one for one in bench.outbox.of_event(EventId("e")) if one.name in {part.name for part in parts}]


def test_parts_of_times_without_a_recording_are_removed_with_the_others(bench: Bench) -> None:
    """The clip holds all that was recorded: the camera was away at the begin and in between."""
    event = bench.event()
    bench.archive.record(event.start_ms, seconds=2)
    bench.tell(event)
    bench.archive.record(event.start_ms + 5_000, seconds=15)
    bench.clock.advance(20)
    bench.upload_scheduler.step()
    bench.tell(event.ended(event.start_ms + 12_000), "ended")
    bench.clock.advance(20)
    bench.carry()
    assert bench.kinds() == [DeliveryKind.REMOVAL]


def test_the_rest_of_a_masked_event_is_removed_once_a_longer_clip_holds_all_that_was_recorded(bench: Bench) -> None:
    """Without the masks, the clip needs no rest. The camera was away in it."""
    bench.archive.hidden = (Polygon.of([(0, 0), (0.2, 0), (0.2, 0.2)]),)
    whole = bench.event().ended(bench.clock.now_ms() + 315_000)
    for begin_s, end_s in ((-2, 304), (308, 320)):
        bench.archive.record(whole.start_ms + begin_s * 1000, seconds=end_s - begin_s)
    bench.clock.advance(330)
    bench.tell(whole, "ended")
    (rest,) = (one for one in bench.outbox.of_event(whole.id) if one.what is DeliveryKind.PIECE)
    bench.outbox.done(rest, "", 1)
    bench.archive.hidden = ()
    bench.tell(whole, "ended")
    bench.carry()
    assert [one.what for one in stored(bench, [rest])] == [DeliveryKind.REMOVAL]


def test_a_waiting_clip_is_not_sent_again_because_what_comes_after_its_file_is_gone(tmp_path: Path) -> None:
    bench, after, (*_, clip) = after_a_change_of_size(tmp_path)
    bench.archive.index.drop_segments([after])
    event = bench.archive.index.event(EventId("e"))
    assert event
    bench.outbox.done(clip, "", 1)
    bench.tell(event, "ended")
    assert DeliveryKind.CLIP not in bench.kinds()
    bench.outbox.close()


def test_parts_go_before_the_clip_also_after_their_event(bench: Bench) -> None:
    """If the recorder is stolen right after an event, its last seconds have left."""
    event = bench.event()
    bench.archive.record(event.start_ms - 10_000, seconds=10)
    bench.tell(event)
    bench.archive.record(event.start_ms, seconds=12)
    bench.upload_scheduler.step()
    bench.clock.advance(60)
    bench.tell(event.ended(event.start_ms + 6_000), "ended")
    assert bench.deliver() == [DeliveryKind.PIECE, DeliveryKind.CLIP]


def test_where_nothing_can_be_deleted_parts_that_wait_are_not_sent_after_their_clip(tmp_path: Path) -> None:
    """Except those that were tried or are being sent: they may be there."""
    bench = Bench(tmp_path, replace(OFFSITE, write_only=True))
    event = bench.event()
    bench.archive.record(event.start_ms - 10_000, seconds=10)
    bench.tell(event)
    for part in range(3):
        bench.archive.record(event.start_ms + part * 6_000, seconds=6)
        bench.upload_scheduler.step()
        bench.clock.advance(6)
    bench.tell(event.ended(event.start_ms + 15_000), "ended")
    bench.clock.advance(60)
    taken = [one for one in iter(lambda: bench.outbox.take("offsite"), None) if one]
    tried, _, waiting, clip = taken
    bench.outbox.failed(tried, "The line broke.", bench.clock.now_ms() + 1)
    bench.outbox.put_back(waiting)
    bench.outbox.done(clip, "", 1, bench.replaced(clip, write_only=True))
    found = [(one.state, one.why) for one in bench.outbox.of_event(event.id) if one.what is DeliveryKind.PIECE]
    assert found == [
        (DeliveryState.WAITING, "The line broke."), (DeliveryState.WAITING, ""), (DeliveryState.DROPPED, REPLACED),
    ]  # fmt: skip
    bench.outbox.close()
