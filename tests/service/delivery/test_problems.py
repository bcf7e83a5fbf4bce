"""Cameras that have the same problem at once are one notification in each channel."""

import json
import logging
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from unittest.mock import Mock

import pytest

from tawny.delivery import courier
from tawny.delivery.courier import Courier, DeliveryRoute
from tawny.delivery.delivery import Delivery, DeliveryContent, NoLongerSo, in_memory
from tawny.model.errors import DeliveryError, StorageError, TargetUnreachable
from tawny.model.ids import CameraId
from tawny.model.messages import Alarm, ProblemKind
from tawny.model.states import CameraState
from tawny.service.delivery import problems
from tawny.service.delivery.notification_filter import NotificationFilter
from tawny.service.delivery.notifications import ChannelUser
from tawny.service.languages import Languages
from tawny.testing.http_service import StandIn, served
from tests.service.delivery.scheduler_rig import CAMERAS, Bench
from tests.service.delivery.test_messaging import AllUsers, House
from tests.service.delivery.test_messaging import Bench as MessagingBench

TWO = frozenset(CAMERAS[3:5])


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(
        tmp_path,
        NotificationFilter("phone"),
        NotificationFilter("guard", cameras=TWO),
        NotificationFilter("desk", may_see=lambda camera: camera == CAMERAS[0]),
    )


def happen(bench: Bench, cameras: Iterable[CameraId], *, over: bool = False) -> None:
    """What the monitor reports: each camera, with the others."""
    now_ms = bench.clock.now_ms()
    alarms = tuple(
        Alarm(ProblemKind.CAMERA, one, now_ms, "No answer.", now_ms if over else None, "Check it.") for one in cameras
    )
    for one in alarms:
        bench.scheduler.on_message(replace(one, together=alarms) if len(alarms) > 1 else one)
        bench.scheduler.step()


def named(value: list[Delivery]) -> list[set[str]]:
    return [set(one.content.get("cameras", [one.content["camera"]])) for one in value]


def test_each_channel_gets_one_message_of_its_cameras_and_one_of_their_end(bench: Bench) -> None:
    for over in (False, True):
        happen(bench, CAMERAS, over=over)
        (phone,) = bench.delivered("phone")
        assert named([phone]) == [{*CAMERAS}]
        assert (phone.content["camera"], phone.camera, "cam-" in phone.name) == (None, None, False)
        assert named(bench.delivered("guard")) == [{*TWO}]
        (desk,) = bench.delivered("desk")
        assert (desk.content["camera"], desk.camera, "cameras" in desk.content) == (CAMERAS[0], CAMERAS[0], False)
        bench.clock.advance(600)


def test_a_camera_that_follows_later_has_its_own_message(bench: Bench) -> None:
    happen(bench, CAMERAS[:12])
    bench.clock.advance(60)
    happen(bench, CAMERAS[12:13])
    assert named(bench.delivered()) == [{*CAMERAS[:12]}, {CAMERAS[12]}]


def test_a_second_outage_names_those_that_were_back_alone(bench: Bench) -> None:
    sent, bench.lasting = [], [Alarm(ProblemKind.CAMERA, one, bench.clock.now_ms(), "") for one in CAMERAS]
    for count, over in ((4, False), (2, True), (4, False), (4, True)):
        happen(bench, CAMERAS[:count], over=over)
        sent += named(bench.delivered())
        bench.clock.advance(60)
    first, back, again, *over_at_last = sent
    assert (first, back, again) == ({*CAMERAS[:4]}, {*CAMERAS[:2]}, {*CAMERAS[:2]})
    assert over_at_last == [{*CAMERAS[:2]}, {*CAMERAS[2:4]}]


def test_after_a_restart_only_those_are_told_that_are_new(bench: Bench) -> None:
    happen(bench, CAMERAS[:3])
    bench.delivered()
    bench.scheduler = bench.again()
    bench.clock.advance(30)
    happen(bench, CAMERAS[:5])
    assert named(bench.delivered()) == [{*CAMERAS[3:5]}]


def test_those_that_came_back_while_tawny_was_off_share_a_message(bench: Bench) -> None:
    happen(bench, CAMERAS[:5])
    bench.delivered()
    bench.lasting = [Alarm(ProblemKind.CAMERA, CAMERAS[4], bench.clock.now_ms(), "")]
    bench.scheduler = bench.again()
    bench.scheduler.step()
    bench.clock.advance(200)
    bench.scheduler.step()
    (over,) = bench.delivered()
    assert named([over]) == [{*CAMERAS[:4]}]
    assert over.content["until_ms"] == bench.clock.now_ms()


def test_a_camera_that_was_removed_is_not_said_to_record_again(bench: Bench) -> None:
    happen(bench, CAMERAS[:2])
    bench.delivered()
    bench.states[CAMERAS[0]] = None
    happen(bench, CAMERAS[:2], over=True)
    assert named(bench.delivered()) == [{CAMERAS[1]}]
    bench.states.clear()
    bench.clock.advance(60)
    happen(bench, CAMERAS[:1])  # it was added again
    assert named(bench.delivered()) == [{CAMERAS[0]}]


@pytest.mark.parametrize("then", [CameraState.RECORDING, CameraState.OFFLINE, None])
def test_a_paused_camera_is_not_said_to_record_again_after_a_restart(bench: Bench, then: CameraState | None) -> None:
    happen(bench, CAMERAS[:1])
    bench.delivered()
    bench.states[CAMERAS[0]] = CameraState.PAUSED
    bench.scheduler = bench.again()
    for _ in range(9):
        bench.scheduler.step()
        bench.clock.advance(30)
    assert bench.delivered() == []
    bench.states[CAMERAS[0]] = then
    bench.scheduler.step()
    assert named(bench.delivered()) == [{CAMERAS[0]}] * (then is CameraState.RECORDING)
    assert bool(bench.outbox.marks("alarm/phone/")) == (then is CameraState.OFFLINE)


@pytest.mark.parametrize("is_being_sent", [False, True])
def test_of_a_problem_that_is_over_before_it_could_be_sent_only_the_end_is(bench: Bench, is_being_sent: bool) -> None:
    happen(bench, CAMERAS[:3])
    bench.clock.advance(60)
    begin = bench.outbox.take("phone") if is_being_sent else None
    happen(bench, CAMERAS[:3], over=True)
    if begin is not None:
        bench.outbox.failed(begin, "No answer.", bench.clock.now_ms())
    (over,) = bench.delivered()
    assert (named([over]), over.content["until_ms"]) == ([{*CAMERAS[:3]}], bench.clock.now_ms())


@pytest.mark.parametrize("is_put_off", [False, True])
def test_of_a_problem_that_changed_before_it_could_be_sent_only_the_last_begin_is(
    bench: Bench, *, is_put_off: bool
) -> None:
    """After a night without a network, one came for each disk that came and went."""
    first_ms = bench.clock.now_ms()
    for about in ("usb", "usb nas"):
        changed_ms = bench.clock.now_ms() if about != "usb" else None
        alarm = Alarm(ProblemKind.TIER, None, first_ms, about, about=about, changed_ms=changed_ms)
        bench.scheduler.on_message(alarm)
        bench.scheduler.step()
        if is_put_off and changed_ms is None and (begin := bench.outbox.take("phone")) is not None:
            bench.outbox.failed(begin, "Busy.", bench.clock.now_ms() + 900_000)
        bench.clock.advance(60)
    result = bench.delivered()
    bench.clock.advance(900)
    assert [one.content["detail"] for one in result + bench.delivered()] == ["usb nas"]


def test_a_begin_that_waits_names_only_the_cameras_that_still_have_the_problem(bench: Bench) -> None:
    happen(bench, CAMERAS[:3])
    bench.clock.advance(60)
    happen(bench, CAMERAS[:1], over=True)
    assert named(bench.delivered()) == [{*CAMERAS[1:3]}, {CAMERAS[0]}]


@pytest.mark.parametrize("is_tried", [False, True])
def test_an_end_that_was_put_off_is_not_sent_after_the_next_begin(bench: Bench, is_tried: bool) -> None:
    happen(bench, CAMERAS[:1])
    bench.delivered()
    bench.clock.advance(60)
    happen(bench, CAMERAS[:1], over=True)
    if is_tried and (end := bench.outbox.take("phone")) is not None:
        bench.outbox.failed(end, "Busy.", bench.clock.now_ms() + 900_000)
    bench.clock.advance(60)
    happen(bench, CAMERAS[:1])
    result = bench.delivered()
    bench.clock.advance(900)
    result += bench.delivered()
    assert [one.content["until_ms"] is None for one in result] == [*[False] * (not is_tried), True]


@pytest.mark.parametrize("is_taken", [False, True])
def test_an_end_that_is_put_off_after_the_next_begin_came_is_not_sent_after_it(bench: Bench, is_taken: bool) -> None:
    happen(bench, CAMERAS[:1])
    bench.delivered()
    bench.clock.advance(60)
    happen(bench, CAMERAS[:1], over=True)
    end = bench.outbox.take("phone") if is_taken else None
    bench.clock.advance(60)
    happen(bench, CAMERAS[:1])
    end = end or bench.outbox.take("phone")
    assert end is not None and end.content["until_ms"] is not None
    bench.outbox.failed(end, "Busy.", bench.clock.now_ms() + 900_000)
    result = bench.delivered()
    bench.clock.advance(901)
    result += bench.delivered()
    assert [one.content["until_ms"] for one in result] == [None]


class Phone:
    """A phone that takes nothing at first. Its courier waits for longer after each failure."""

    def __init__(self, bench: Bench, error: DeliveryError) -> None:
        self.told, self.takes, self._bench, self._error = list[Delivery](), False, bench, error
        self._courier = Courier(
            1, DeliveryRoute("phone", lambda: self, self._content), bench.outbox, bench.clock, lambda _: None
        )

    def carry(self, delivery: Delivery, content: DeliveryContent, note: Callable[[str], None]) -> str:
        if not self.takes:
            raise self._error
        self.told.append(delivery)
        return ""

    def close(self) -> None:
        pass

    def work(self, for_s: int) -> None:
        for _ in range(0, for_s, 5):
            for _ in range(3):
                self._courier.step()
            self._bench.clock.advance(5)

    def _content(self, delivery: Delivery) -> DeliveryContent:
        problems.still_so(delivery, self._bench.outbox, self._bench.now())
        return in_memory(b"", "text/plain", 0)


@pytest.mark.parametrize("takes_again_s", [900, 1180])
@pytest.mark.parametrize(
    ("error", "is_end_sent"), [(TargetUnreachable("phone", "no network"), True), (DeliveryError("phone", "500"), False)]
)
def test_what_is_sent_last_is_so_and_no_outage_is_lost_without_a_network(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, takes_again_s: int, error: DeliveryError, *, is_end_sent: bool
) -> None:
    """A message that is refused itself is put off: "recording again" came after the next begin."""
    monkeypatch.setattr(courier, "spread_s", lambda tries, first_s, most_s: min(first_s * 2.0**tries, most_s))
    phone, began_ms = Phone(bench, error), bench.clock.now_ms()
    for over in (False, True):
        happen(bench, CAMERAS[:1], over=over)
        phone.work(1200 if not over else takes_again_s)
    phone.takes = True
    phone.work(1200 - takes_again_s)
    happen(bench, CAMERAS[:1])
    phone.work(1200)
    found = [(one.content["since_ms"] == began_ms, one.content["until_ms"] is not None) for one in phone.told]
    assert found == [(True, True)] * is_end_sent + [(False, False)]


def is_removed(bench: Bench) -> None:
    bench.states[CAMERAS[0]] = None
    happen(bench, CAMERAS[:1], over=True)


def is_not_wanted(bench: Bench) -> None:
    bench.scheduler.take_over([replace(bench.filters[0], alarms=False)], links=False)
    happen(bench, CAMERAS[:1], over=True)
    bench.scheduler.take_over(bench.filters, links=False)


@pytest.mark.parametrize("end", [is_removed, is_not_wanted])
def test_no_begin_is_sent_of_a_problem_whose_end_is_not_reported(bench: Bench, end: Callable[[Bench], None]) -> None:
    happen(bench, CAMERAS[:1])
    bench.clock.advance(60)
    end(bench)
    bench.states.clear()
    assert bench.delivered() == []
    bench.clock.advance(60)
    happen(bench, CAMERAS[:1])
    assert [one.content["since_ms"] for one in bench.delivered()] == [bench.clock.now_ms()]


def test_a_begin_that_was_being_sent_names_no_camera_that_is_back(bench: Bench) -> None:
    happen(bench, CAMERAS[:3])
    bench.clock.advance(60)
    begin = bench.outbox.take("phone")
    assert begin is not None
    happen(bench, CAMERAS[:1], over=True)
    bench.outbox.failed(begin, "Busy.", bench.clock.now_ms() + 900_000)
    bench.clock.advance(60)
    assert named(bench.delivered()) == [{CAMERAS[0]}]
    happen(bench, CAMERAS[1:2], over=True)
    bench.clock.advance(901)
    assert named(bench.delivered()) == [{CAMERAS[2]}, {CAMERAS[1]}]


def test_a_problem_that_ends_while_its_camera_is_off_is_forgotten(bench: Bench) -> None:
    happen(bench, CAMERAS[:1])
    bench.delivered()
    bench.clock.advance(86_400)
    now_ms = bench.clock.now_ms()
    bench.scheduler.on_message(Alarm(ProblemKind.CAMERA, CAMERAS[0], now_ms, "", now_ms, is_forgotten=True))
    bench.scheduler.step()
    assert bench.delivered() == []
    happen(bench, CAMERAS[:1])
    assert named(bench.delivered()) == [{CAMERAS[0]}]


def test_the_end_of_a_camera_that_is_paused_after_it_was_well_is_sent(bench: Bench) -> None:
    happen(bench, CAMERAS[:1])
    bench.delivered()
    bench.states[CAMERAS[0]] = CameraState.PAUSED
    happen(bench, CAMERAS[:1], over=True)
    assert [one.content["until_ms"] for one in bench.delivered()] == [bench.clock.now_ms()]


def restarted(bench: Bench, state: CameraState) -> None:
    """Restart with a camera in this state, and wait until tawny has looked at what is from before."""
    happen(bench, CAMERAS[:1])
    bench.delivered()
    bench.states[CAMERAS[0]] = state
    bench.scheduler = bench.again()
    look(bench, 240)


def look(bench: Bench, for_s: int) -> None:
    for _ in range(0, for_s, 30):
        bench.scheduler.step()
        bench.clock.advance(30)


def test_what_is_from_before_a_restart_is_forgotten_after_a_day_of_being_off(bench: Bench) -> None:
    restarted(bench, CameraState.PAUSED)
    bench.clock.advance(86_400)
    bench.scheduler.step()
    happen(bench, CAMERAS[:1])
    assert named(bench.delivered()) == [{CAMERAS[0]}]


@pytest.mark.parametrize("nights", [1, 2])
def test_a_day_of_being_off_may_have_restarts(bench: Bench, nights: int) -> None:
    """With a restart each night, a problem was known for ever: the next one wasn't sent."""
    restarted(bench, CameraState.PAUSED)
    for _ in range(nights):
        bench.clock.advance(43_200)
        bench.scheduler = bench.again()
        look(bench, 240)
    happen(bench, CAMERAS[:1])
    assert named(bench.delivered()) == [{CAMERAS[0]}] * (nights - 1)


def test_a_day_of_being_off_begins_again_after_the_camera_was_on(bench: Bench) -> None:
    restarted(bench, CameraState.PAUSED)
    bench.lasting = [Alarm(ProblemKind.CAMERA, CAMERAS[0], bench.clock.now_ms(), "")]
    bench.clock.advance(43_200)
    look(bench, 240)
    bench.lasting = []
    bench.scheduler = bench.again()
    bench.clock.advance(43_200)
    look(bench, 240)
    happen(bench, CAMERAS[:1])
    assert bench.delivered() == []


def test_the_end_of_what_was_reported_again_since_the_restart_is_the_monitors(bench: Bench) -> None:
    restarted(bench, CameraState.PAUSED)
    happen(bench, CAMERAS[:1])
    bench.states[CAMERAS[0]] = CameraState.RECORDING
    bench.scheduler.step()
    assert bench.delivered() == []
    over_ms = bench.clock.now_ms()
    (over,) = [Alarm(ProblemKind.CAMERA, CAMERAS[0], over_ms, "", over_ms)]
    bench.clock.advance(900)
    bench.scheduler.on_message(over)
    bench.scheduler.step()
    assert [one.content["until_ms"] for one in bench.delivered()] == [over_ms]


def test_an_end_that_is_reported_at_the_first_look_keeps_its_time(bench: Bench) -> None:
    happen(bench, CAMERAS[:1])
    bench.delivered()
    bench.scheduler = bench.again()
    bench.scheduler.step()
    begin = Alarm(ProblemKind.CAMERA, CAMERAS[0], bench.clock.now_ms(), "")
    bench.clock.advance(200)
    for one in (begin, replace(begin, until_ms=begin.since_ms + 50_000)):
        bench.scheduler.on_message(one)
    bench.scheduler.step()
    assert [one.content["until_ms"] for one in bench.delivered()] == [begin.since_ms + 50_000]


def test_a_camera_that_sleeps_since_a_restart_is_not_said_to_record_again(bench: Bench) -> None:
    restarted(bench, CameraState.ASLEEP)
    assert bench.delivered() == []


def test_a_video_file_that_ended_since_a_restart_has_no_problem(bench: Bench) -> None:
    restarted(bench, CameraState.ENDED)
    assert bench.outbox.marks("alarm/phone/") == {}


def test_what_a_camera_shows_is_well_three_minutes_after_a_restart(bench: Bench) -> None:
    bench.scheduler.on_message(Alarm(ProblemKind.SIGHT, CAMERAS[0], bench.clock.now_ms(), ""))
    bench.scheduler.step()
    bench.delivered()
    bench.scheduler = bench.again()
    look(bench, 270)
    assert bench.delivered() == []
    look(bench, 90)
    assert named(bench.delivered()) == [{CAMERAS[0]}]


@pytest.mark.parametrize(
    ("what", "noticed_s"),
    [
        (ProblemKind.SWEEP, 7200),
        (ProblemKind.INTEGRATION, 1200),
        (ProblemKind.CHECK_IN, 300),
        (ProblemKind.CERTIFICATE, 900),
        (ProblemKind.SIGN_INS, 3600),
        (ProblemKind.PROXY, 86_400),
        (ProblemKind.DISK, 0),
    ],
)
def test_after_a_restart_a_problem_is_over_once_it_would_be_noticed(
    bench: Bench, what: ProblemKind, noticed_s: int
) -> None:
    """Each nightly restart sent the end of a failed sweep, and its begin again an hour later."""
    bench.scheduler.on_message(Alarm(what, None, bench.clock.now_ms(), ""))
    bench.scheduler.step()
    bench.delivered()
    bench.scheduler = bench.again()
    look(bench, 120 + noticed_s)
    assert bench.delivered() == []
    look(bench, 90)
    assert len(bench.delivered()) == 1


def test_an_end_from_before_the_start_that_could_not_be_stored_is_sent_later(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    happen(bench, CAMERAS[:1])
    bench.delivered()
    bench.scheduler = bench.again()
    bench.scheduler.step()
    bench.clock.advance(200)
    with monkeypatch.context() as full:
        full.setattr(bench.outbox, "add", Mock(side_effect=StorageError("outbox.db", "disk I/O error")))
        with pytest.raises(StorageError):
            bench.scheduler.step()
    bench.clock.advance(30)
    bench.scheduler.step()
    assert named(bench.delivered()) == [{CAMERAS[0]}]


def test_states_are_asked_for_once_for_each_channel(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    states = Mock(side_effect=bench.now)
    monkeypatch.setattr(bench, "now", states)
    bench.scheduler = bench.again()
    bench.scheduler.step()
    happen(bench, CAMERAS)
    happen(bench, CAMERAS, over=True)
    assert states.call_count == 3


def test_the_begin_of_a_removed_camera_that_waits_is_not_sent(bench: Bench) -> None:
    happen(bench, CAMERAS[:1])
    bench.states[CAMERAS[0]] = None
    happen(bench, CAMERAS[:1], over=True)
    assert bench.delivered() == []


class SomeCameras(AllUsers):
    """All users see the same cameras."""

    def __init__(self, *sees: CameraId) -> None:
        self.sees = {*sees}

    def find(self, person: str) -> ChannelUser | None:
        return ChannelUser(person, person, may_change=True, may_see=self.sees.__contains__)


class Hook:
    """The messages that a webhook in German gets about the cameras A, B and C, the last two 20 s after A."""

    def __init__(self, root: Path, service: StandIn, monkeypatch: pytest.MonkeyPatch) -> None:
        self.known = {CameraId(name.lower()): name for name in "ABC"}
        self.users, self.service = SomeCameras(*self.known), service
        monkeypatch.setattr(House, "camera_names", lambda _: self.known)
        monkeypatch.setattr(House, "cameras", lambda _: [])
        monkeypatch.setattr(MessagingBench, "users", self.users)
        url = f"webhook+{service.base}/hook"
        self.house = MessagingBench(root, service, url=url, api=None, language="de", user="ben")

    def happen(self, *, over: bool = False) -> None:
        now_ms = self.house.clock.now_ms()
        sinces_ms = [now_ms + later_ms for later_ms in (-10_000, 10_000, 10_000)]
        alarms = [Alarm(ProblemKind.CAMERA, one, at_ms, "") for one, at_ms in zip(self.known, sinces_ms, strict=True)]
        if over:
            alarms = [replace(one, until_ms=now_ms) for one in alarms]
        for one in alarms:
            self.house.notifications.scheduler.on_message(replace(one, together=tuple(alarms)))
        self.house.notifications.scheduler.step()

    def sent(self) -> list[dict[str, object]]:
        self.house.work()
        sent = [json.loads(one.body) for one in self.service.asked]
        self.service.asked.clear()
        return sent


@pytest.fixture
def hook(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hook]:
    with served(StandIn(lambda _: (200, {}))) as service:
        hook = Hook(tmp_path, service, monkeypatch)
        yield hook
        hook.house.outbox.close()


@pytest.mark.parametrize(
    ("seen", "words", "camera"),
    [
        ("abc", "3 Kameras zeichnen seit 05:59 nicht auf: A, B und C.", None),
        ("ab", "2 Kameras zeichnen seit 05:59 nicht auf: A und B.", None),
        ("bc", "2 Kameras zeichnen seit 06:00 nicht auf: B und C.", None),
        ("b", "B zeichnet seit 06:00 nicht auf.", "b"),
        ("", "", None),
    ],
)
def test_a_message_is_about_the_cameras_that_its_reader_may_see_when_it_is_sent(
    hook: Hook, seen: str, words: str, camera: str | None
) -> None:
    hook.happen()
    hook.users.sees.intersection_update(map(CameraId, seen))
    cameras = [*seen] if len(seen) > 1 else []
    found = [(one["title"], one["camera"], one["cameras"]) for one in hook.sent()]
    assert found == [(words, camera, cameras)] * bool(seen)


def test_a_message_of_an_earlier_version_has_one_time_for_all(hook: Hook) -> None:
    hook.happen()
    (waiting,) = hook.house.outbox.since("phone", 0)
    cameras = {one: about[:2] for one, about in waiting.content["cameras"].items()}
    hook.house.outbox.amend(replace(waiting, content={**waiting.content, "cameras": cameras}))
    hook.users.sees.remove(CameraId("a"))
    assert [one["title"] for one in hook.sent()] == ["2 Kameras zeichnen seit 05:59 nicht auf: B und C."]


def test_a_begin_is_not_sent_if_the_end_waits_or_its_camera_was_removed(hook: Hook) -> None:
    hook.happen()
    hook.happen(over=True)
    found = [*hook.sent(), *hook.sent()]
    assert [one["title"] for one in found] == ["3 Kameras zeichnen wieder auf: A, B und C."]
    hook.house.clock.advance(600)
    hook.happen()
    del hook.known[CameraId("a")]
    assert [one["title"] for one in hook.sent()] == ["2 Kameras zeichnen seit 06:10 nicht auf: B und C."]


def test_a_begin_that_is_left_out_is_no_failure(hook: Hook, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    hook.happen()
    hook.happen(over=True)
    hook.sent()
    assert [one.why for one in hook.house.outbox.ended("phone") if one.why] == [NoLongerSo.says]
    assert [one.levelname for one in caplog.records if NoLongerSo.says in one.getMessage()] == ["INFO"]


def test_a_begin_of_a_problem_that_is_over_is_not_sent_after_the_clock_was_set_back(hook: Hook) -> None:
    hook.happen()
    hook.house.clock.jump_utc(-3 * 86_400)
    hook.happen(over=True)
    found = [*hook.sent(), *hook.sent()]
    assert [one["title"] for one in found] == ["3 Kameras zeichnen wieder auf: A, B und C."]


def test_cameras_that_were_removed_meanwhile_are_still_named(hook: Hook) -> None:
    hook.happen()
    hook.sent()
    hook.happen(over=True)
    for gone in ("a", "b"):
        del hook.known[CameraId(gone)]
    (over,) = hook.sent()
    assert over["title"] == "3 Kameras zeichnen wieder auf: C, a und b."


def test_cameras_that_failed_at_different_times_and_are_back_at_once_have_their_own_times(bench: Bench) -> None:
    first_ms = bench.clock.now_ms()
    bench.lasting = [Alarm(ProblemKind.CAMERA, one, first_ms, "") for one in CAMERAS]
    happen(bench, CAMERAS[:1])
    bench.clock.advance(4 * 3600)
    later_ms = bench.clock.now_ms()
    happen(bench, CAMERAS[1:3])
    bench.delivered()
    bench.clock.advance(600)
    happen(bench, CAMERAS[:3], over=True)
    first, later = bench.delivered()
    assert named([first, later]) == [{CAMERAS[0]}, {*CAMERAS[1:3]}]
    assert (first.content["since_ms"], later.content["since_ms"]) == (first_ms, later_ms)


def test_a_message_is_sent_once_if_it_could_not_be_stored_at_first(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    fail = StorageError("outbox.db", "disk I/O error")
    with monkeypatch.context() as broken:
        broken.setattr(bench.outbox, "add", Mock(side_effect=fail))
        with pytest.raises(StorageError):
            happen(bench, CAMERAS[:3])
    bench.clock.advance(5)
    bench.scheduler.step()
    assert named(bench.delivered()) == [{*CAMERAS[:3]}]


def test_marks_of_earlier_versions_are_read(bench: Bench) -> None:
    bench.outbox.mark("alarm/phone/camera/cam-1", "1000 ")
    happen(bench, CAMERAS[:3])
    assert named(bench.delivered()) == [{*CAMERAS[1:3]}]


@pytest.mark.parametrize(
    ("details", "dos", "expected"),
    [
        (["No answer.", "No answer."], ["Wait.", "Check it."], ("No answer.", "Wait.")),
        (["No answer.", "Refused.", "Off."], ["Wait.", "Check it.", "Check it."], ("B: Refused.", "Check it.")),
        (["", "Refused.", "Off."], ["", "", ""], ("B: Refused.", "")),
        (["", "Off."], ["Wait.", ""], ("B: Off.", "Wait.")),
        (["", ""], ["", ""], ("", "")),
    ],
)
def test_cameras_share_the_reason_of_one(details: list[str], dos: list[str], expected: tuple[str, str]) -> None:
    assert problems.shared(["A", "B", "C"][: len(details)], details, dos) == expected


@pytest.mark.parametrize("detail", ["", "A: No answer."])
def test_a_message_of_cameras_is_in_german_with_and_without_a_detail(tmp_path: Path, detail: str) -> None:
    german = Languages(tmp_path).closest("de")
    _, text = problems.of_alarm("detection", ["A", "B"], "14:02", detail, "Recording continues.", "")
    assert "  " not in text
    translated = german.translate(text)
    assert translated.startswith("Kameras: A und B. ") and translated.endswith("Die Aufzeichnung läuft weiter.")


@pytest.mark.parametrize(
    ("what", "names", "begin", "end"),
    [
        (
            "camera",
            [f"Cam {number}" for number in range(1, 13)],
            ("12 cameras have not been recording since 14:02: Cam 1, Cam 2, Cam 3 and 9 others.", "No answer."),
            ("12 cameras are recording again: Cam 1, Cam 2, Cam 3 and 9 others.", "Missing: 14:02 to 15:00."),
        ),
        (
            "camera",
            ["A", "B", "C", "D"],
            ("4 cameras have not been recording since 14:02: A, B, C and D.", "No answer."),
            ("4 cameras are recording again: A, B, C and D.", "Missing: 14:02 to 15:00."),
        ),
        (
            "gap",
            ["A", "B"],
            ("2 cameras: many short gaps.", "Cameras: A and B. No answer. Check it."),
            ("Resolved: 2 cameras: many short gaps.", "Cameras: A and B. From 14:02 to 15:00: No answer."),
        ),
    ],
)
def test_a_message_names_up_to_four_cameras(
    what: str, names: list[str], begin: tuple[str, str], end: tuple[str, str]
) -> None:
    assert problems.of_alarm(what, names, "14:02", "No answer.", "Check it.", "") == begin
    assert problems.of_alarms_end(what, names, "14:02", "15:00", "No answer.") == end
