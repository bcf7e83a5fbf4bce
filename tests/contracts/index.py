"""What every index must do. Subclass it, name the class `Test…`, and say how one is opened."""

from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some

from tawny.model.damage import DamagedSpan
from tawny.model.errors import IndexDamaged
from tawny.model.events import Event, Level, SeenObject, new_event_id, rounded
from tawny.model.ids import CameraId, EventId, RunId, SegmentId, StreamName
from tawny.model.observations import Box, RecognisedText
from tawny.model.segments import Gap, GapEvidence, GapReason, Segment
from tawny.model.times import Span, merge_spans
from tawny.storage.disk.layout import SegmentName
from tawny.storage.index.protocol import Index

PORCH, YARD = CameraId("porch"), CameraId("yard")
MAIN, SUB = StreamName.MAIN, StreamName.SUB
NOON = 1_795_176_000_000
EVER = Span(0, 2 * NOON)


def segment(
    begin_s: int = 0, seconds: int = 60, camera: CameraId = PORCH, stream: StreamName = MAIN, run: str = "r1"
) -> Segment:
    start_ms = NOON + begin_s * 1000
    end_ms = start_ms + seconds * 1000
    path = SegmentName(camera, stream, start_ms, end_ms).path
    return Segment(camera, stream, RunId(run), start_ms, end_ms, 100_000 + begin_s, path, "avc1.64001f", 1920, 1080)


def event(name: str, begin_s: int = 0, end_s: int | None = 10, camera: CameraId = PORCH) -> Event:
    end_ms = None if end_s is None else NOON + end_s * 1000
    return Event(EventId(name), camera, "motion", NOON + begin_s * 1000, end_ms, 50.0)


def damage(begin_s: int, end_s: int, camera: CameraId = PORCH, stream: StreamName = MAIN) -> DamagedSpan:
    return DamagedSpan(camera, stream, NOON + begin_s * 1000, NOON + end_s * 1000, 3, 4)


def span(begin_s: int, end_s: int) -> Span:
    return Span(NOON + begin_s * 1000, NOON + end_s * 1000)


class IndexContract:
    def open(self, folder: Path) -> Index:
        """An index that keeps what it keeps, if anything, in this folder. Opened again, it is the same one."""
        raise NotImplementedError

    is_durable: bool

    @pytest.fixture
    def index(self, tmp_path: Path) -> Index:
        return self.open(tmp_path)

    # --- segments

    def test_a_segment_comes_back_as_it_was(self, index: Index) -> None:
        whole = replace(segment(), audio="mp4a.40.2", path="elsewhere/a.mp4")
        index.add_segment(whole)
        assert index.segment(whole.id) == whole
        assert index.segments(PORCH, MAIN, EVER) == [whole]

    def test_adding_twice_is_adding_once(self, index: Index) -> None:
        for _ in range(2):
            index.add_segment(segment())
        assert index.segments(PORCH, None, EVER) == [segment()]
        assert index.size_bytes() == segment().size_bytes

    def test_what_is_not_there_is_none(self, index: Index) -> None:
        assert index.segment(segment().id) is None
        assert index.segment(SegmentId("no such thing")) is None
        assert index.event(EventId("none")) is None
        assert index.bounds(PORCH) is None

    def test_spans_are_half_open(self, index: Index) -> None:
        index.add_segment(segment(0, 60))
        assert index.segments(PORCH, None, span(60, 90)) == []
        assert index.segments(PORCH, None, span(-30, 0)) == []
        assert index.segments(PORCH, None, span(59, 60)) == [segment(0, 60)]

    def test_segments_come_in_order_of_time(self, index: Index) -> None:
        for begin_s in (120, 0, 60):
            index.add_segment(segment(begin_s))
        assert [one.start_ms for one in index.segments(PORCH, None, EVER)] == [NOON, NOON + 60_000, NOON + 120_000]

    def test_cameras_and_streams_are_kept_apart(self, index: Index) -> None:
        for camera in (PORCH, YARD):
            for stream in (MAIN, SUB):
                index.add_segment(segment(camera=camera, stream=stream))
        assert index.segments(YARD, SUB, EVER) == [segment(camera=YARD, stream=SUB)]
        assert len(index.segments(YARD, None, EVER)) == 2
        assert len(list(index.all_segments())) == 4

    def test_neighbours_are_one_span(self, index: Index) -> None:
        for begin_s in (0, 60, 120, 300):
            index.add_segment(segment(begin_s))
        assert index.spans(PORCH, MAIN, EVER) == [span(0, 180), span(300, 360)]
        assert index.spans(PORCH, MAIN, span(30, 310)) == [span(30, 180), span(300, 310)]

    def test_a_segment_removed_from_the_middle_leaves_a_hole(self, index: Index) -> None:
        for begin_s in (0, 60, 120):
            index.add_segment(segment(begin_s))
        index.drop_segments([segment(60)])
        assert index.spans(PORCH, None, EVER) == [span(0, 60), span(120, 180)]

    def test_what_is_being_removed_is_not_listed_but_known(self, index: Index) -> None:
        index.add_segment(segment(0))
        index.add_segment(segment(60))
        index.mark_removing([segment(0)])
        index.add_segment(segment(0))
        assert index.segment(segment(0).id) is None
        assert list(index.all_segments()) == index.oldest_segments(9) == [segment(60)]
        assert index.spans(PORCH, None, EVER) == [span(60, 120)]
        assert index.size_bytes() == segment(60).size_bytes
        assert index.removing() == [segment(0)]
        index.drop_segments([segment(0)])
        assert index.removing() == []

    def test_dropping_twice_is_dropping_once(self, index: Index) -> None:
        index.add_segment(segment())
        for _ in range(2):
            index.mark_removing([segment()])
            index.drop_segments([segment()])
        assert index.size_bytes() == 0
        assert index.bounds(PORCH) is None

    def test_the_oldest_come_first_page_by_page(self, index: Index) -> None:
        every = [
            segment(begin_s, camera=camera, stream=s)
            for begin_s in (0, 60, 120)
            for camera in (PORCH, YARD)
            for s in (MAIN, SUB)
        ]
        for one in reversed(every):
            index.add_segment(one)
        pages: list[Segment] = []
        while page := index.oldest_segments(5, after=pages[-1] if pages else None):
            pages += page
        assert sorted(one.id for one in pages) == sorted(one.id for one in every)
        assert [one.end_ms for one in pages] == sorted(one.end_ms for one in every)
        assert index.oldest_segments(9, YARD, stream=SUB) == [segment(b, camera=YARD, stream=SUB) for b in (0, 60, 120)]

    def test_sizes_and_bounds_are_of_a_camera_or_of_all(self, index: Index) -> None:
        index.add_segment(segment(0))
        index.add_segment(segment(600, camera=YARD, stream=SUB))
        assert index.size_bytes(PORCH) == 100_000
        assert index.size_bytes() == 200_600
        assert index.count(PORCH) == 1
        assert index.count() == index.count(stream=MAIN) + index.count(stream=SUB)
        assert index.size_bytes() == index.size_bytes(stream=MAIN) + index.size_bytes(stream=SUB)
        assert index.bounds(YARD) == span(600, 660)

    @given(
        plan=some.lists(
            some.tuples(some.integers(0, 30), some.integers(1, 8), some.sampled_from(["r1", "r2"]), some.booleans()),
            max_size=25,
        )
    )
    @settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.differing_executors])
    def test_spans_are_what_listed_segments_cover(
        self, tmp_path_factory: pytest.TempPathFactory, plan: list[tuple[int, int, str, bool]]
    ) -> None:
        with closing(self.open(tmp_path_factory.mktemp("index"))) as index:
            listed: dict[SegmentId, Segment] = {}
            for begin_s, seconds, run, stays in plan:
                one = segment(begin_s, seconds, run=run)
                if stays:
                    index.add_segment(one)
                    listed.setdefault(one.id, one)
                else:
                    index.drop_segments([one])
                    listed.pop(one.id, None)
                assert index.spans(PORCH, MAIN, EVER) == merge_spans([one.span for one in listed.values()])
                assert index.size_bytes() == sum(one.size_bytes for one in listed.values())
                assert index.count() == len(listed)
            found = index.segments(PORCH, MAIN, span(5, 12))
            expected = [one for one in listed.values() if one.span.overlaps(span(5, 12))]
            assert sorted(one.id for one in found) == sorted(one.id for one in expected)

    # --- gaps

    def test_a_gap_that_ends_replaces_its_beginning(self, index: Index) -> None:
        begun = Gap(PORCH, NOON, None, GapReason.STALLED, "no packets")
        index.put_gap(begun)
        assert index.open_gaps() == [begun]
        ended = replace(begun, end_ms=NOON + 5000)
        index.put_gap(ended)
        assert index.open_gaps() == []
        assert index.gaps(PORCH, EVER) == [ended]

    def test_gaps_are_found_by_time_and_camera(self, index: Index) -> None:
        first = Gap(PORCH, NOON, NOON + 1000, GapReason.AUTH)
        lasting = Gap(PORCH, NOON + 5000, None, GapReason.PRIVACY)
        for gap in (lasting, first, Gap(YARD, NOON, NOON + 9000, GapReason.OFF)):
            index.put_gap(gap)
        assert index.gaps(PORCH, EVER) == [first, lasting]
        assert index.gaps(PORCH, span(1, 5)) == []
        assert index.gaps(PORCH, span(700, 800)) == [lasting]

    def test_a_gap_of_weeks_is_found_in_its_middle(self, index: Index) -> None:
        weeks = Gap(PORCH, NOON - 2_000_000_000, NOON, GapReason.OFF)
        hours = Gap(PORCH, NOON - 1_000_000_000, NOON - 990_000_000, GapReason.AUTH)
        for gap in (hours, weeks):
            index.put_gap(gap)
        assert index.gaps(PORCH, span(-1_900_000, -1_899_000)) == [weeks]
        assert index.gaps(PORCH, span(-995_000, -994_000)) == [weeks, hours]
        assert index.gaps(PORCH, EVER) == [weeks, hours]

    def test_a_gap_keeps_what_it_stands_on(self, index: Index) -> None:
        seen = GapEvidence("busy", NOON - 7, NOON - 3, 12, 345, 6, "453 Not Enough Bandwidth")
        gap = Gap(PORCH, NOON, None, GapReason.UNREACHABLE, "no place", seen)
        index.put_gap(gap)
        assert index.gaps(PORCH, EVER) == index.open_gaps() == [gap]
        index.put_gap(replace(gap, evidence=GapEvidence()))
        assert index.gaps(PORCH, EVER)[0].evidence in (None, GapEvidence())

    # --- damage

    def test_damage_is_found_by_time_and_camera(self, index: Index) -> None:
        first, second = damage(0, 2), damage(5, 6)
        small, other = damage(5, 9, stream=SUB), damage(1, 3, camera=YARD)
        for one in (second, small, other, first):
            index.add_damage(one)
        assert index.damage(PORCH, EVER) == [first, second, small]
        assert index.damage(None, EVER) == [first, other, second, small]
        assert index.damage(PORCH, span(1, 5)) == [first]
        assert index.damage(PORCH, span(2, 5)) == []
        assert index.damage(PORCH, span(8, 9)) == [small]

    def test_damage_that_goes_on_takes_its_own_place(self, index: Index) -> None:
        for seconds in (1, 1, 4):
            index.add_damage(damage(0, seconds))
        assert index.damage(PORCH, EVER) == [damage(0, 4)]

    def test_dropped_damage_is_gone(self, index: Index) -> None:
        index.add_damage(damage(0, 4))
        index.add_damage(damage(0, 4, stream=SUB))
        for _ in range(2):
            index.drop_damage(damage(0, 1))
        assert index.damage(PORCH, EVER) == [damage(0, 4, stream=SUB)]

    # --- events

    def test_an_event_comes_back_as_it_was(self, index: Index) -> None:
        seen = (SeenObject("person", 0.9), SeenObject("dog", 0.5))
        whole = replace(
            event("a"), box=(0.1, 0.2, 0.3, 0.4), zones=("path", "gate"), objects=seen, kept=True, picture_ms=NOON + 10,
            said="animal", muted="ab12cd34",
        )  # fmt: skip
        index.put_event(whole)
        assert index.event(whole.id) == whole

    @given(
        score=some.floats(0, 100),
        edges=some.none() | some.tuples(*[some.floats(0, 1)] * 4),
        named=some.sampled_from(["a", new_event_id(NOON), new_event_id(NOON + 1)]),
        took_ms=some.none() | some.integers(0, 10**8),
        picture_ms=some.none() | some.integers(NOON - 10**6, NOON + 10**6),
        labels=some.lists(some.tuples(some.sampled_from(["person", "dog", ""]), some.floats(0, 1)), max_size=3),
        marks=some.tuples(some.booleans(), some.booleans(), some.sampled_from(["", "shadow"])),
        said=some.sampled_from(["", "animal", "nothing"]),
        is_rounded=some.booleans(),
    )
    @settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.differing_executors])
    def test_any_event_comes_back_as_it_was(
        self,
        tmp_path_factory: pytest.TempPathFactory,
        score: float,
        edges: Box | None,
        named: str,
        took_ms: int | None,
        picture_ms: int | None,
        labels: list[tuple[str, float]],
        marks: tuple[bool, bool, str],
        said: str,
        is_rounded: bool,
    ) -> None:
        end_ms = None if took_ms is None else NOON + took_ms
        seen = tuple(SeenObject(*one) for one in labels)
        given = Event(EventId(named), PORCH, "motion", NOON, end_ms, score, edges, ("path",), seen, *marks, picture_ms)
        given = replace(given, said=said)
        given = rounded(given) if is_rounded else given
        with closing(self.open(tmp_path_factory.mktemp("index"))) as index:
            index.put_event(given)
            assert index.event(given.id) == given
            assert index.events(EVER).events == [given]

    def test_what_was_read_of_an_event_comes_back(self, index: Index) -> None:
        reads = (RecognisedText("plates", "BAB123", 0.87, "a1b2"), RecognisedText("faces", "", 0.5))
        given = replace(event("a"), reads=reads)
        index.put_event(given)
        assert index.event(given.id) == given
        index.put_event(event("a"))
        assert index.event(given.id) == event("a")

    def test_the_newest_state_of_an_event_counts(self, index: Index) -> None:
        index.put_event(event("a", end_s=None))
        assert index.open_events() == [event("a", end_s=None)]
        index.put_event(event("a", end_s=7))
        assert index.open_events() == []
        assert index.events(EVER).events == [event("a", end_s=7)]

    def test_events_come_newest_first_page_by_page(self, index: Index) -> None:
        every = [event(f"e{number}", number // 2) for number in range(7)]
        for one in every:
            index.put_event(one)
        pages, mark = [], None
        while True:
            page = index.events(EVER, after=mark, limit=3)
            pages.append([one.id for one in page.events])
            mark = page.next
            if mark is None:
                break
        assert pages == [["e6", "e5", "e4"], ["e3", "e2", "e1"], ["e0"]]

    def test_a_full_last_page_has_no_next(self, index: Index) -> None:
        for number in range(3):
            index.put_event(event(f"e{number}"))
        assert index.events(EVER, limit=3).next is None

    def test_events_are_chosen(self, index: Index) -> None:
        kept = replace(event("kept", 1), kept=True)
        reviewed = replace(event("reviewed", 2), reviewed=True)
        person = replace(event("person", 3, camera=YARD), kind="person")
        for one in (kept, reviewed, person):
            index.put_event(one)
        assert index.events(EVER, only="kept").events == [kept]
        assert index.events(EVER, only="new").events == [person, kept]
        assert index.events(EVER, cameras=[YARD]).events == [person]
        assert index.events(EVER, cameras=[]).events == []
        assert index.events(EVER, kinds=["motion", "vehicle"]).events == [reviewed, kept]

    def test_false_alarms_and_what_has_a_name_are_chosen(self, index: Index) -> None:
        index.put_event(plain := event("plain", 1))
        assert index.events(EVER, only="false_alarms").events == index.events(EVER, only="named").events == []
        refused = replace(plain, id=EventId("refused"), false_alarm="shadow")
        named = replace(plain, id=EventId("named"), objects=(SeenObject("fox", 0.8),))
        for finer in (0.0, 0.001):  # a score that is kept as it is, and one that is not
            index.put_event(one := replace(refused, score=refused.score + finer))
            assert index.events(EVER, only="false_alarms").events == [one]
            index.put_event(one := replace(named, score=named.score + finer))
            assert index.events(EVER, only="named").events == [one]

    def test_events_are_chosen_by_their_level(self, index: Index) -> None:
        alert = replace(event("a", begin_s=40), level="alert", travel=12.34)
        detection = replace(event("b", begin_s=30), level="detection")
        motion = replace(event("c", begin_s=20), level="motion", reviewed=True)
        untold = replace(event("d", begin_s=10), kind="person")
        every = [alert, detection, motion, untold]
        for one in every:
            index.put_event(one)

        def chosen(*levels: str, only: str = "all") -> list[Event]:
            return index.events(EVER, levels=levels, only=only).events

        assert chosen("alert") == [alert, untold]
        assert chosen("alert", only="new") == [alert, untold]
        assert chosen("detection") == [detection]
        assert chosen("motion", only="new") == []
        assert chosen("motion", "alert") == [alert, motion, untold]
        assert chosen("motion", "alert", "detection") == index.events(EVER).events == every
        assert chosen() == []
        page = index.events(EVER, levels=["alert"], limit=1)
        assert page.events == [alert]
        assert index.events(EVER, levels=["alert"], limit=1, after=page.next).events == [untold]
        index.put_event(replace(alert, level="motion"))
        assert chosen("alert") == [untold]

    def test_events_are_chosen_by_the_kind_they_are_shown_as(self, index: Index) -> None:
        person = replace(event("person", 1), kind="person")
        text = replace(event("said", 2), kind="person", said="vehicle")
        nothing = replace(event("nothing", 3), kind="person", said="nothing")
        for one in (person, text, nothing):
            index.put_event(one)
        assert index.events(EVER, kinds=["person"]).events == [person]
        assert index.events(EVER, kinds=["vehicle"]).events == [text]
        assert index.events(EVER, kinds=["motion"]).events == [nothing]

    def test_events_are_found_by_all_of_their_time(self, index: Index) -> None:
        long, lasting = event("long", 0, 100), event("lasting", 50, None)
        index.put_event(long)
        index.put_event(lasting)
        assert index.events(span(90, 95)).events == [lasting, long]
        assert index.events(span(100, 110)).events == [lasting]
        assert index.events(span(-10, 0)).events == []

    def test_what_lasted_long_is_found_in_its_middle_and_comes_last(self, index: Index) -> None:
        every = [
            event("week", -600_000, 10),
            event("hours", -9000, 10),
            event("now", 0, 10),
            event("lasting", -5, None),
        ]
        for one in every:
            index.put_event(one)
        pages, mark = [], None
        while True:
            page = index.events(span(5, 60), after=mark, limit=1)
            pages += [one.id for one in page.events]
            mark = page.next
            if mark is None:
                break
        assert pages == ["now", "lasting", "hours", "week"]
        assert index.events(span(-300_000, -299_000)).events == [every[0]]

    def test_a_dropped_event_is_gone(self, index: Index) -> None:
        index.put_event(event("a"))
        for _ in range(2):
            index.drop_event(EventId("a"))
        assert index.events(EVER).events == []

    # --- changes

    def test_changes_made_together_are_undone_together(self, index: Index) -> None:
        index.add_segment(segment(0))
        with pytest.raises(IndexDamaged), index.together():
            index.add_segment(segment(60))
            index.put_event(event("a"))
            index.add_damage(damage(0, 4))
            index.drop_segments([segment(0)])
            assert list(index.all_segments()) == [segment(60)]
            raise IndexDamaged("here", "made up")
        assert list(index.all_segments()) == [segment(0)]
        assert index.event(EventId("a")) is None
        assert index.damage(None, EVER) == []

    def test_what_was_changed_is_there_when_opened_again(self, tmp_path: Path) -> None:
        with closing(self.open(tmp_path)) as index:
            index.add_segment(segment())
            index.put_gap(Gap(PORCH, NOON, None, GapReason.OFF))
            index.put_event(event("a"))
            index.add_damage(damage(0, 4))
        with closing(self.open(tmp_path)) as index:
            assert index.damage(PORCH, EVER) == ([damage(0, 4)] if self.is_durable else [])
            there = [len(list(index.all_segments())), len(index.open_gaps()), len(index.events(EVER).events)]
            assert there == ([1, 1, 1] if self.is_durable else [0, 0, 0])

    def test_listed_volumes_are_remembered_and_no_words_of_gaps(self, tmp_path: Path) -> None:
        with closing(self.open(tmp_path)) as index:
            assert not index.is_volume_listed("ab12")
            index.set_volume_listed("ab12")
            index.set_volume_listed("ab12")
            index.put_gap(Gap(PORCH, NOON, NOON + 1, GapReason.OFF, "ab"))
            assert [index.is_volume_listed(mark) for mark in ("ab12", "ab", "porch")] == [True, False, False]
        if self.is_durable:
            with closing(self.open(tmp_path)) as again:
                assert again.is_volume_listed("ab12")

    def test_events_are_counted_by_level(self, index: Index) -> None:
        """As many as `events` lists, whatever is asked for."""
        kinds = ("motion", "person", "animal", "motion")
        for number in range(24):
            at_ms, kind = 10_000_000 + number * 1_000_000, kinds[number % 4]
            end_ms = None if number == 1 else at_ms + (4_000_000 if number == 3 else 1000)
            event = Event(new_event_id(at_ms), PORCH, kind, at_ms, end_ms, 50.0, reviewed=number % 3 == 0)
            index.put_event(event)
        for span in (Span(0, 1 << 40), Span(15_000_000, 30_000_000), Span(1, 5)):
            for only in ("all", "new", "kept"):
                counts = index.event_counts(span, only=only, most=100)
                assert counts == {
                    level: len(index.events(span, levels=[level], only=only, limit=100).events) for level in Level
                }
        ever = Span(0, 1 << 40)
        assert set(index.event_counts(ever, most=2).values()) == {2}
        assert sum(index.event_counts(ever, cameras=[CameraId("yard")], most=9).values()) == 0
        assert index.event_counts(ever, kinds=["person"], most=9)[Level.MOTION] == 0
