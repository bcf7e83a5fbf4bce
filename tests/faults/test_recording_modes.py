"""Recording around events: what is written, what every other second is called, and what faults in between change."""

from itertools import pairwise
from pathlib import Path

import pytest

from tawny.config.modes import ModeCameraSettings
from tawny.config.settings import CameraSettings
from tawny.events.modes import ActiveHold
from tawny.media.mp4.segment_reader import read_segment, samples
from tawny.model.events import Event, new_event_id
from tawny.model.messages import CameraTurned, StatusChanged
from tawny.model.segments import GapReason
from tawny.model.states import CameraState
from tawny.model.times import Span
from tawny.service.cameras.duty import CameraDuty, duty_of
from tawny.storage.index.opening import index_to_read
from tests.faults.world import EVER, FPS, GOP, PORCH, YARD, World, proved, world

PRE_S, POST_S = 5.0, 10.0
GOP_MS = GOP * 1000 // FPS


def taken(made: World, **settings: object) -> CameraDuty:
    """Let the porch do what these settings say, as a change of mode does."""
    chosen = made.cameras[PORCH].settings.model_copy(update=settings)
    made.cameras[PORCH].take_duty(duty_of(chosen, None, ""))
    return made.cameras[PORCH].duty


def states(made: World) -> list[CameraState]:
    found = [one.status.state for _, one in made.heard if isinstance(one, StatusChanged) and one.status.id == PORCH]
    return [state for at, state in enumerate(found) if at == 0 or found[at - 1] is not state]


def reasons(made: World) -> list[GapReason]:
    return [gap.reason for gap in made.gaps_of() if gap.begin_ms != gap.end_ms]


def around(made: World, at_ms: int, until_ms: int) -> None:
    """The one recording is from a keyframe before the pre-roll to the first one after the post-roll."""
    (span,) = made.spans()
    assert 0 <= at_ms - round(PRE_S * 1000) - span.begin_ms <= GOP_MS
    assert 0 <= span.end_ms - until_ms - round(POST_S * 1000) <= GOP_MS


@pytest.mark.shows("DY11", "RP11")
def test_only_the_event_with_its_pre_roll_and_post_roll_is_written(quick_folder: Path) -> None:
    with world(quick_folder, record="events") as made:
        made.run(60)
        assert made.spans() == []
        assert list(quick_folder.rglob("*.mp4")) == []
        event = made.event(10)
        made.run(60)
        assert event.end_ms is not None
        around(made, event.start_ms, event.end_ms)
        assert states(made) == [CameraState.WAITING, CameraState.RECORDING, CameraState.WAITING]
        assert reasons(made) == [GapReason.WAITING, GapReason.WAITING]
        made.stop()
    report = proved(quick_folder, made.clock)
    assert report.wall is not None
    assert report.wall.recorded_s == pytest.approx(PRE_S + 10 + POST_S, abs=2 * GOP_MS / 1000)


def test_a_movement_by_command_is_recorded_like_an_event(quick_folder: Path) -> None:
    with world(quick_folder, record="events") as made:
        made.run(60)
        at_ms = made.clock.now_ms()
        for moved_ms in (at_ms, at_ms + 2_000):
            made.cameras[PORCH].on_turn(CameraTurned(PORCH, moved_ms, moved_ms + 1_000))
            made.run(2)
        made.run(60)
        around(made, at_ms, at_ms + 3_000)
        made.stop()


def test_what_begins_is_on_the_disk_within_two_seconds_with_its_memory(quick_folder: Path) -> None:
    with world(quick_folder, record="events") as made:
        for _ in range(10):
            made.run(40.3)
            begun_ms = made.clock.now_ms()
            made.tell_event(event := made.event(0))
            made.run(2)
            open_ones = made.recorder.open_segments(PORCH)
            assert [one.start_ms for one in open_ones] and open_ones[0].start_ms <= begun_ms - PRE_S * 1000
            assert open_ones[0].end_ms >= event.start_ms
        made.run(40)
        made.stop()


@pytest.mark.shows("RP11")
def test_events_that_overlap_make_one_recording(quick_folder: Path) -> None:
    with world(quick_folder, record="events") as made:
        made.run(30)
        first = made.event(3)
        made.run(8)
        made.event(3)
        made.run(14)  # its recording has just ended: the next one's pre-roll would reach back into it
        last = made.event(2)
        made.run(40)
        assert last.end_ms is not None
        around(made, first.start_ms, last.end_ms)
        made.stop()
    proved(quick_folder, made.clock)


@pytest.mark.shows("PK10")
def test_transitions_are_written_and_what_is_between_is_not(quick_folder: Path) -> None:
    with world(quick_folder, record="transitions") as made:
        made.run(30)
        event = made.event(60)
        made.run(40)
        begun, ended = made.spans()
        assert event.end_ms is not None
        assert begun.begin_ms <= event.start_ms - PRE_S * 1000 and begun.end_ms >= event.start_ms + POST_S * 1000
        assert ended.begin_ms <= event.end_ms - PRE_S * 1000 and ended.end_ms >= event.end_ms + POST_S * 1000
        assert sum(span.seconds for span in (begun, ended)) <= 2 * (PRE_S + POST_S + 2 * GOP_MS / 1000)
        made.stop()
    proved(quick_folder, made.clock)


def test_a_covered_lens_is_written_at_its_begin_and_end_only(quick_folder: Path) -> None:
    """It may stay covered for days, and shows nothing."""
    with world(quick_folder, record="events") as made:
        made.run(30)
        made.event(120, "tamper")
        made.run(40)
        assert len(made.spans()) == 2
        made.stop()


def test_a_camera_that_goes_away_while_it_waits_says_so(quick_folder: Path) -> None:
    with world(quick_folder, record="events") as made:
        made.run(30)
        made.cameras_of.away = {PORCH}
        made.run(90)
        assert made.cameras[PORCH].status.state is CameraState.OFFLINE
        made.cameras_of.away = set()
        made.run(90)
        assert made.cameras[PORCH].status.state is CameraState.WAITING
        assert reasons(made) == [GapReason.WAITING, GapReason.CAMERA_RESTART, GapReason.WAITING]
        made.stop()
    proved(quick_folder, made.clock)


def test_a_camera_that_goes_away_in_an_event_is_written_up_to_then(quick_folder: Path) -> None:
    with world(quick_folder, record="events") as made:
        made.run(30)
        made.tell_event(event := made.event(0))
        made.run(3)
        made.cameras_of.away, away_ms = {PORCH}, made.clock.now_ms()
        made.run(90)
        made.cameras_of.away = set()
        made.run(90)
        assert made.cameras[PORCH].status.state is CameraState.WAITING
        (span,) = made.spans()
        assert span.begin_ms <= event.start_ms - PRE_S * 1000
        assert abs(span.end_ms - away_ms) <= 1000
        made.stop()
    proved(quick_folder, made.clock)


def test_the_pre_roll_reaches_over_an_interruption(quick_folder: Path) -> None:
    """Someone cuts the power of the camera and is seen when it is back: what was seen before is written, too."""
    with world(quick_folder, record="events") as made:
        made.run(30)
        made.cameras_of.away, away_ms = {PORCH}, made.clock.now_ms()
        made.run(1.5)
        made.cameras_of.away = set()
        while made.cameras[PORCH].status.state is not CameraState.WAITING:
            made.run(0.2)
        made.run(0.5)
        event = made.event(2)
        made.run(40)
        first, second = made.spans()
        assert first.begin_ms <= event.start_ms - PRE_S * 1000
        assert abs(first.end_ms - away_ms) <= 1000
        waiting = [gap for gap in made.gaps_of() if gap.reason is GapReason.WAITING and gap.begin_ms != gap.end_ms]
        spans = [Span(gap.begin_ms, gap.end_ms or 1 << 45) for gap in waiting]
        assert not any(span.overlaps(written) for span in spans for written in (first, second))

        made.stop()
    proved(quick_folder, made.clock)


MODES = ("continuous", "events", "transitions", "off")


@pytest.mark.shows("SC15")
@pytest.mark.parametrize("before", MODES)
@pytest.mark.parametrize("after", MODES)
@pytest.mark.parametrize("happens", [False, True])
def test_a_change_of_mode_keeps_the_connection_and_explains_every_second(
    quick_folder: Path, before: str, after: str, happens: bool
) -> None:
    with world(quick_folder, record=before) as made:
        made.run(30.3)
        if happens:
            made.tell_event(made.event(0))
            made.run(1)
        connected = made.cameras_of.opened[PORCH]
        taken(made, record=after)
        at_ms = made.clock.now_ms()
        made.run(1)
        state = made.cameras[PORCH].status.state
        if after == "off":
            assert state is CameraState.OFF
            assert not any(span.end_ms > at_ms + 1000 for span in made.spans())
        elif after == "continuous":
            assert state is CameraState.RECORDING
        made.run(30)
        assert made.cameras_of.opened[PORCH] == connected == 1
        made.stop()
        if after == "continuous":
            (last,) = [span for span in made.spans() if span.end_ms > at_ms]
            assert last.begin_ms <= at_ms
        assert GapReason.RECORDER_OFF not in [gap.reason for gap in made.gaps if gap.begin_ms > made.begin_ms]
    proved(quick_folder, made.clock)


@pytest.mark.parametrize("record", ["events", "transitions"])
def test_the_pre_roll_does_not_reach_into_the_time_that_was_switched_off(quick_folder: Path, record: str) -> None:
    with world(quick_folder, record="off") as made:
        made.run(30.3)
        taken(made, record=record)
        at_ms = made.clock.now_ms()
        made.run(0.5)
        made.tell_event(made.event(0))
        made.run(30)
        made.stop()
        assert 0 <= at_ms - made.spans()[0].begin_ms <= GOP_MS  # from the last keyframe on, as after any switch
    proved(quick_folder, made.clock)


def test_the_other_camera_is_not_touched(quick_folder: Path) -> None:
    with world(quick_folder) as made:
        made.run(20)
        for record in ("events", "off", "transitions", "continuous"):
            taken(made, record=record)
            made.run(20)
        end_ms = made.stop()
        (span,) = made.spans(YARD)
        assert span.end_ms >= end_ms - 400
    proved(quick_folder, made.clock)


def test_the_disk_that_fails_in_an_event_is_blamed_for_it_alone(quick_folder: Path) -> None:
    with world(quick_folder, record="events") as made:
        made.run(30)
        made.tell_event(event := made.event(0))
        made.run(3)
        made.stall(100)
        made.run(110)
        made.tell_event(event.ended(made.clock.now_ms()))
        made.run(60)
        assert made.cameras[PORCH].status.state is CameraState.WAITING
        made.stop()
    proved(quick_folder, made.clock)


def test_settings_of_a_camera_are_its_own() -> None:
    chosen = CameraSettings(source="demo:front", record="events")
    assert duty_of(chosen, None, "").record == "events"
    assert duty_of(chosen, None, "", "night", ModeCameraSettings(record="continuous")).record == "continuous"
    off = duty_of(chosen, None, "", "home", ModeCameraSettings(record="off"))
    assert (off.record, off.state, off.reason) == ("off", CameraState.MODE_OFF, GapReason.MODE)
    assert "home" in off.detail
    assert (
        duty_of(
            CameraSettings(source="demo:front", record="off"), None, "", "night", ModeCameraSettings(record="events")
        ).record
        == "events"
    )


def frames_of(folder: Path) -> list[int]:
    """The numbers that the camera gave its frames, of all that is stored, in order."""
    found: list[int] = []
    with index_to_read(folder) as index:
        for one in index.segments(PORCH, None, EVER):
            read = read_segment(folder / one.path)
            found += [sample.data[5] - 1 for sample in samples(read, read.fragments)]
    return found


@pytest.mark.parametrize("record", ["continuous", "events"])
def test_no_frame_is_lost_or_stored_twice_across_changes_of_mode(quick_folder: Path, record: str) -> None:
    """While an event lasts, all of it is wanted in both modes."""
    with world(quick_folder, record=record) as made:
        made.run(20)
        made.tell_event(Event(new_event_id(made.clock.now_ms()), PORCH, "person", made.clock.now_ms(), None, 50.0))
        for number in range(8):
            made.run(3.1)
            taken(made, record=("events", "continuous")[(number + (record == "events")) % 2])
        made.run(8)
        made.stop()
    stored = frames_of(quick_folder)
    assert len(stored) >= 30 * FPS
    assert [after for before, after in pairwise(stored) if after != (before + 1) % 250] == []
    proved(quick_folder, made.clock)


def test_a_rule_that_ends_recording_costs_no_frame_before_it_and_none_from_the_next_keyframe(
    quick_folder: Path,
) -> None:
    with world(quick_folder) as made:
        stops = []
        for _ in range(3):
            made.run(11.3)
            camera = made.cameras[PORCH]
            stops.append(round((made.clock.now_ms() - made.begin_ms) / 1000 * FPS))
            camera.take_duty(duty_of(camera.settings, None, "A rule says so."))
            made.run(0.5)
            camera.take_duty(duty_of(camera.settings, None, ""))
        made.run(8)
        made.stop()
    holes = [(before, after) for before, after in pairwise(frames_of(quick_folder)) if after != before + 1]
    assert len(holes) == len(stops)
    for (before, after), stop in zip(holes, stops, strict=True):
        assert before >= stop - 2, "what was there when the rule began is stored"
        assert after % GOP == 0, "video begins with a keyframe"
        assert after - stop <= GOP + 3
    proved(quick_folder, made.clock)


@pytest.mark.parametrize("record", ["events", "transitions", "off"])
def test_record_now_begins_within_two_seconds_with_its_memory(quick_folder: Path, record: str) -> None:
    with world(quick_folder, record=record) as made:
        for _ in range(5):
            made.run(30.3)
            begun_ms = made.clock.now_ms()
            hold = ActiveHold(PORCH, "record", "Anna", begun_ms, None)
            camera = made.cameras[PORCH]
            camera.take_duty(duty_of(camera.settings, hold, ""))
            made.run(2)
            (going,) = made.recorder.open_segments(PORCH)
            assert going.start_ms <= begun_ms - PRE_S * 1000
            assert going.end_ms >= begun_ms
            assert camera.status.state is CameraState.RECORDING
            camera.take_duty(duty_of(camera.settings, None, ""))
        made.run(30)
        made.stop()
    proved(quick_folder, made.clock)
