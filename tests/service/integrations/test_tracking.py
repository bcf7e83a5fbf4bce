"""A PTZ camera follows a person, in a closed loop with a drawn camera, in its own time."""

import json
from itertools import pairwise
from typing import Any

import pytest

from tawny.config.lens_and_ptz import TrackSettings
from tawny.detection.following import Sighting
from tawny.model.errors import NotDone
from tawny.model.geometry import ORIENTATIONS, Orientation
from tawny.model.ids import CameraId
from tawny.service.integrations import tracking
from tawny.service.integrations.steering import (
    EVERY_S,
    TIMEOUT_S,
    CommandLog,
    PtzCalibration,
    Steering,
    Velocity,
    ZoomStep,
    fitted,
)
from tawny.service.integrations.tracking import ZOOMED, AutoTracker, Calibrator, read_calibration, turned_back
from tawny.testing.panorama import YARD
from tawny.testing.tracked import CASES, LEARNS_S, Tracked

CALIBRATED_S = 20.0


def following(run: Tracked) -> None:
    """Until it follows."""
    while run.tracker.state(YARD).phase != "following":
        assert run.camera.now_s < LEARNS_S + 20, "it doesn't follow"
        run.pass_time(0.05)


@pytest.mark.parametrize("case", [pytest.param("slow", marks=pytest.mark.long), "runs", "plain wall"])
def test_who_walks_is_kept_in_the_middle_third(case: str) -> None:
    """A minute, with 300 ms from a command to the picture. The event is one, of one object."""
    run = Tracked(CASES[case])
    run.run(60)
    assert run.share >= 0.9
    times = [at_s for at_s, what, _ in run.motors.orders if what in ("drive", "halt")]
    assert min(b - a for a, b in pairwise(times)) >= EVERY_S - 1e-6
    assert len({one.track for at_s, look in run.looks for one in look.seen if at_s > run.began_s}) == 1


@pytest.mark.parametrize("orientation", ORIENTATIONS)
def test_a_sighting_is_turned_back_to_the_image_as_sent(orientation: Orientation) -> None:
    """The object is to the right of the middle and a little below it, taller than wide, and goes left."""

    def shown(vector: tuple[float, float]) -> tuple[float, float]:
        x, y = orientation.shown((vector[0] + 0.5, vector[1] + 0.5))
        return x - 0.5, y - 0.5

    (x, y), (width, height) = shown((0.3, 0.1)), orientation.size(5, 20)
    turned, speed = shown((0.4, -0.1)), shown((-0.2, 0.0))
    back = Sighting(7, x, y, width / 100, height / 100, turned, is_sure=True, speed=speed).as_sent(orientation)
    assert (back.x, back.y, *back.turned, *back.speed) == pytest.approx((0.3, 0.1, 0.4, -0.1, -0.2, 0.0))
    assert (back.width, back.height, back.at_ms, back.is_sure) == (0.05, 0.2, 7, True)


@pytest.mark.parametrize("orientation", [Orientation(90), Orientation(270, mirror=True)])
def test_a_turned_image_is_followed_as_well(orientation: Orientation) -> None:
    """The motors turn the camera, whatever turns its image."""
    run = Tracked(CASES["slow"], orientation=orientation)
    run.run(20)
    assert run.share >= 0.9


@pytest.mark.parametrize("orientation", [Orientation(90), Orientation(180, mirror=True)])
def test_a_calibration_by_a_turned_image_is_that_of_the_motors(orientation: Orientation) -> None:
    run = Tracked(CASES["slow"], orientation=orientation)
    run.run_to(3)
    [made] = run.tracker.calibrate(YARD, run.wait).steps
    assert (made.across, made.down) == pytest.approx((60 / 55, 40 / (55 * 9 / 16)), rel=0.15)


@pytest.mark.parametrize(
    ("orientation", "across", "down"),
    [(Orientation(), 1, 1), (Orientation(180), -1, -1), (Orientation(0, mirror=True), -1, 1)],
)
def test_older_calibrations_by_the_image_as_shown_are_turned_back(
    orientation: Orientation, across: int, down: int
) -> None:
    step = {"zoom": 0.0, "across": across * 1.2, "down": down * 0.9, "pan_span": across * 0.3, "tilt_span": down * 0.2}
    old = read_calibration(json.dumps({"at_ms": 7, "latency_s": 0.3, "steps": [step]}))
    assert old is not None
    assert not old.is_as_sent
    made = turned_back(old, orientation)
    assert made == PtzCalibration(7, 0.3, (ZoomStep(0.0, 1.2, 0.9, 0.3, 0.2),), is_as_sent=True)


def test_a_person_who_moves_it_has_it() -> None:
    run = Tracked(CASES["slow"], track={"pause": "8 s"})
    following(run)
    run.run_to(run.camera.now_s + 2)
    run.motors.by_hand(0.5)
    begun_s = run.camera.now_s
    run.run_to(begun_s + 7.5)
    assert [one for one in run.motors.orders if one[0] > begun_s] == []
    assert run.tracker.state(YARD).phase == "paused"
    run.run_to(begun_s + 9)
    assert run.tracker.state(YARD).phase in ("watching", "following")


def test_it_follows_only_in_its_modes() -> None:
    """In another one it stops, and goes where it belongs."""
    run = Tracked(CASES["slow"], track={"modes": ["away"]}, return_to="Gate")
    run.run(6)
    assert run.tracker.state(YARD).phase == "mode"
    assert [what for _, what, _ in run.motors.orders if what == "drive"] == []
    run.mode = "away"
    following(run)
    run.run_to(run.camera.now_s + 2)
    run.mode = "home"
    begun_s = run.camera.now_s
    run.run_to(begun_s + 5)
    assert run.tracker.state(YARD).phase == "mode"
    assert run.tracker.state(YARD).is_on
    assert [what for at_s, what, _ in run.motors.orders if at_s > begun_s] == ["halt", "Gate"]


def test_a_private_camera_stands_still() -> None:
    run = Tracked(CASES["slow"])
    following(run)
    run.run_to(run.camera.now_s + 2)
    run.is_private = True
    run.run_to(run.camera.now_s + 0.5)
    begun_s, pan = run.camera.now_s, run.camera.pan
    run.run_to(begun_s + 15)
    assert [what for at_s, what, _ in run.motors.orders if at_s > begun_s] == []
    assert run.camera.pan == pytest.approx(pan, abs=0.3)
    assert run.tracker.holds(YARD)


@pytest.mark.parametrize(
    ("limit", "counts"),
    [
        ((-0.05, 0.05), 1),
        ((-0.3, 0.0), -1),
        pytest.param((-0.05, 0.05), -1, marks=pytest.mark.long),
        pytest.param((-0.3, 0.0), 1, marks=pytest.mark.long),
    ],
)
def test_it_stays_within_its_limits(limit: tuple[float, float], counts: int) -> None:
    """In the camera's own numbers, which are shares of 180 degrees. counts: -1: they grow to the left."""
    own = sorted(counts * one for one in limit)
    run = Tracked(CASES["brisk"], track={"pan": own})
    run.motors.counts = counts
    most = 0.0
    while run.camera.now_s < LEARNS_S + 30:
        run.pass_time(0.05)
        most = max(most, run.camera.pan / 180 - limit[1], limit[0] - run.camera.pan / 180)
    assert run.began_s < LEARNS_S + 20
    assert most <= 0.005


def test_limits_that_cannot_be_checked_are_kept() -> None:
    run = Tracked(CASES["brisk"], track={"pan": [-0.5, 0.5]})
    run.motors.reports = False
    run.run(15)
    assert [one for one in run.motors.orders if one[1] == "drive"] == []
    assert "doesn't report its position" in run.tracker.state(YARD).trouble


def test_it_zooms_only_within_its_limits() -> None:
    run = Tracked(CASES["zooms"])
    most = 0.0
    while run.camera.now_s < LEARNS_S + 30:
        run.pass_time(0.05)
        most = max(most, run.camera.zoom)
    assert 0.1 < most <= 0.61
    plain = Tracked(CASES["small"])
    plain.run(20)
    assert plain.camera.zoom == 0


def test_it_returns_when_it_has_lost_a_person() -> None:
    run = Tracked(CASES["brisk"], track={"lost_after": "5 s"}, return_to="Gate")
    following(run)
    run.run_to(run.camera.now_s + 4)
    run.vanish()
    run.run_to(run.camera.now_s + 15)
    assert [what for _, what, _ in run.motors.orders if what not in ("drive", "halt")] == ["Gate"]
    assert not run.tracker.holds(YARD)
    ended = [one for _, look in run.looks for one in look.over]
    assert len(ended) == 1


def test_a_camera_that_knows_no_way_back_holds_no_patrol(monkeypatch: pytest.MonkeyPatch) -> None:
    run = Tracked(CASES["brisk"], track={"lost_after": "5 s"}, return_to="Gone")
    tried: list[str] = []

    def refuse(_: CameraId, preset: str) -> None:
        tried.append(preset)
        raise NotDone("There is no preset Gone.")

    monkeypatch.setattr(run.motors, "by_itself", refuse)
    following(run)
    run.run_to(run.camera.now_s + 4)
    run.vanish()
    run.run_to(run.camera.now_s + 15)
    assert run.tracker.holds(YARD)
    run.run_to(run.camera.now_s + 90)
    assert tried == ["Gone"] * 3
    assert not run.tracker.holds(YARD)


def test_a_camera_that_becomes_private_is_calibrated_no_further() -> None:
    run = Tracked(CASES["slow"])
    run.run_to(3)

    def wait(seconds: float) -> None:
        run.wait(seconds)
        run.is_private = run.is_private or any(what == "drive" for _, what, _ in run.motors.orders)

    with pytest.raises(NotDone, match="private"):
        run.tracker.calibrate(YARD, wait)
    assert [what for _, what, _ in run.motors.orders if what in ("drive", "halt")][-2:] == ["drive", "halt"]


def show_nothing_when_close(run: Tracked, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the camera sees when it is zoomed in says nothing about how it turned."""

    def fitted_when_far(*given: Any) -> tuple[float, float, float]:
        return fitted(*given) if run.camera.zoom < 0.2 else (0.0, 0.35, 0.0)

    monkeypatch.setattr(tracking, "fitted", fitted_when_far)


def test_a_calibration_that_fails_leaves_the_zoom_as_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    run = Tracked(CASES["zooms"])
    run.run_to(3)
    show_nothing_when_close(run, monkeypatch)
    with pytest.raises(NotDone, match="side to side"):
        run.tracker.calibrate(YARD, run.wait)
    assert run.camera.zoom == pytest.approx(0, abs=ZOOMED)


def test_a_calibration_that_privacy_ends_moves_no_more_until_it_is_over() -> None:
    run = Tracked(CASES["zooms"])
    run.run_to(3)

    def wait(seconds: float) -> None:
        run.wait(seconds)
        run.is_private = run.is_private or run.camera.zoom > 0.2

    with pytest.raises(NotDone, match="private"):
        run.tracker.calibrate(YARD, wait)
    begun_s = run.camera.now_s
    run.run_to(begun_s + 3)
    assert [what for at_s, what, _ in run.motors.orders if at_s >= begun_s] == ["halt"]
    run.is_private = False
    run.run_to(begun_s + 10)
    assert run.camera.zoom == 0


@pytest.mark.parametrize("back_s", [0.5, 40, 3600])
def test_it_steers_on_after_the_clock_was_set_back(back_s: float) -> None:
    """The object stays off the middle, seen five times a second for 5 s before the step and 5 s after it."""
    steering, sent = Steering(PtzCalibration(), TrackSettings()), list[tuple[float, Velocity]]()
    for tenth in range(100):
        now_s = 1_800_000_000 + tenth / 10 - (back_s if tenth >= 50 else 0)
        if tenth % 2 == 0:
            steering.saw(Sighting(round(now_s * 1000), 0.3, 0, 0.1, 0.3, (0, 0), is_sure=True))
        velocity = steering.wanted(now_s)
        if velocity is not None:
            steering.sent(now_s, velocity)
            sent.append((tenth / 10, velocity))
    assert all(velocity.pan > 0 for _, velocity in sent)
    after = [at_s for at_s, _ in sent if at_s >= 5]
    assert after[0] < 6
    assert max(later - at_s for at_s, later in pairwise([*after, 10])) < TIMEOUT_S


def test_what_was_commanded_before_the_clock_was_set_back_turns_nothing_later() -> None:
    log = CommandLog()
    log.put(3600.0, Velocity(pan=0.2))
    log.put(3601.0, Velocity())
    log.put(50.0, Velocity())
    assert log.turned(3599.0, 3700.0) == Velocity()


def test_a_sighting_from_before_the_clock_was_set_back_moves_nothing() -> None:
    steering = Steering(PtzCalibration(), TrackSettings())
    steering.saw(Sighting(1_800_000_000_000, 0.3, 0, 0.1, 0.3, (0, 0), is_sure=True, speed=(0.1, 0.0)))
    assert steering.wanted(1_799_996_400.0) is None


def test_switched_off_it_stops_and_returns() -> None:
    run = Tracked(CASES["slow"])
    following(run)
    run.run_to(run.camera.now_s + 3)
    run.tracker.switch(YARD, on=False)
    run.run_to(run.camera.now_s + 3)
    assert [what for _, what, _ in run.motors.orders][-2:] == ["halt", "home"]
    assert run.tracker.state(YARD).phase == "off"
    again = AutoTracker(lambda: run.settings, run.motors, run.followers, run.means, run.clock)
    assert not again.is_on(YARD)  # also in another run of the program


def test_a_camera_with_the_id_of_a_removed_one_has_no_calibration_and_follows_as_set() -> None:
    run = Tracked(CASES["slow"])
    run.tracker.switch(YARD, on=False)
    run.tracker.keep(YARD, PtzCalibration(at_ms=5))
    run.tracker.forget_cameras([YARD])
    again = AutoTracker(lambda: run.settings, run.motors, run.followers, run.means, run.clock)
    for tracker in (run.tracker, again):
        assert (tracker.is_on(YARD), tracker.state(YARD).calibration) == (True, PtzCalibration())


def test_a_turning_camera_makes_no_events() -> None:
    """What the camera passes while it follows, and its way back, are none."""
    run = Tracked(CASES["houses"])
    run.run(30)
    tracks = {one.track for _, look in run.looks for one in look.seen}
    assert len(tracks) == 1


def test_calibration_finds_speed_and_delay() -> None:
    run = Tracked(CASES["slow"])
    run.run_to(3)
    known = Calibrator(YARD, run.motors, run.followers.of(YARD), run.clock, run.wait).measure(
        run.settings.cameras[YARD].ptz.track
    )
    step = known.steps[0]
    assert step.across == pytest.approx(60 / 55, rel=0.1)
    assert step.down == pytest.approx(40 / (55 * 9 / 16), rel=0.1)
    assert known.latency_s == pytest.approx(0.2, abs=0.08)  # the picture's time is when it was taken
    assert step.pan_span == pytest.approx(55 / 180, rel=0.15)
    assert run.camera.pan == pytest.approx(0, abs=0.8)


def test_calibrated_steps_apply_between_their_zooms() -> None:
    known = read_calibration(
        '{"at_ms": 5, "latency_s": 0.3, "steps": '
        '[{"zoom": 0, "across": 1, "down": 1}, {"zoom": 1, "across": 4, "down": 4}]}'
    )
    assert known is not None
    assert known.at(0.5).across == pytest.approx(2)
    assert known.at(3).across == pytest.approx(4)


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"at_ms": 1, "latency_s": 1, "steps": []}', '{"steps": [3]}'])
def test_a_damaged_calibration_is_none(text: str) -> None:
    assert read_calibration(text) is None


def test_a_picture_that_stands_still_explains_nothing() -> None:
    log = CommandLog()
    log.put(1.0, Velocity(pan=0.2))
    log.put(1.8, Velocity())
    gain, _, _ = fitted(log, 0, [(at / 10, 0.0) for at in range(40)])
    assert gain == 0
    assert PtzCalibration().latency_s > 0
