"""What of a recorder's cameras its standby learns, when it may record them, and how it does."""

import threading
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from tawny.config.loader import parse_settings
from tawny.config.modes import AS_SET
from tawny.config.settings import Settings, in_mode
from tawny.engine import Bus
from tawny.fleet.fleet_index import Box
from tawny.fleet.standby_lease import LeaseState
from tawny.fleet.standby_plan import StandbyCamera
from tawny.fleet.standby_store import ProtectedState
from tawny.model.errors import Problem, SettingsError
from tawny.model.ids import CameraId
from tawny.model.segments import Gap, GapReason, Segment
from tawny.model.states import CameraState, CameraStatus
from tawny.model.times import Span
from tawny.sealed.key_wrapping import Identity
from tawny.service.cameras.standby_addresses import (
    LEADS_TO_STANDBY,
    NOT_OF_NETWORK,
    NOT_REACHABLE,
    UNKNOWN_NAME,
    AddressRefused,
    CameraPlaces,
    LookUp,
)
from tawny.service.cameras.standby_cameras import (
    INVALID,
    SLEEPS,
    StandbyCameras,
    StandbyPlanner,
    id_at_standby,
    others_camera,
    protected_problems,
)
from tawny.service.cameras.standby_condition import DISK_FULL, STOPPED, STUCK, UNRECORDED, StandbyCondition, recorded_of
from tawny.service.languages import Languages
from tawny.service.modes.mode_controller import ModeController
from tawny.service.sealing.policy import OthersCameraSettings, policy_of
from tawny.storage.disk.disk import DiskCapacity
from tawny.storage.history.ledger import HistoryJournal, HistoryLedger
from tawny.storage.index.memory_index import MemoryIndex
from tawny.testing.clock import FakeClock
from tests.support.disk import MemoryDisk

OWNER, OTHER = (Identity.new().recipient for _ in range(2))
FRONT = '[cameras.front]\nsource = "rtsp://u:secret@192.0.2.7/main"\n'
BARN = Box("barn", "Barn", b"", "", 0, 0, "", (), {})
GERMAN = Languages(None).catalogue("de")
AT_STANDBY = id_at_standby("barn", b"", "front")
HOUR_MS = 3_600_000


def settings_of(text: str) -> Settings:
    settings, problems = parse_settings(text, {})
    assert settings is not None, problems
    return settings


def planned(text: str, pause_s: float | None = None, *, is_paused: bool = False, after_s: float = 0.0) -> StandbyCamera:
    """The plan of the camera `front`. pause_s: paused by hand for so long; is_paused: without an end."""
    clock, settings = FakeClock(), settings_of(text)
    arming = ModeController(
        lambda: settings, ZoneInfo("UTC"), None, clock, Bus(), lambda _: False, lambda _: frozenset()
    )
    if is_paused or pause_s is not None:
        until_ms = None if pause_s is None else clock.now_ms() + round(pause_s * 1000)
        arming.modes.pause(CameraId("front"), until_ms, "Anna")
    clock.advance(after_s)
    plan = StandbyPlanner(lambda: settings, arming, lambda: ["http://192.0.2.5:8000"], clock)()
    return next(one for one in plan.cameras if one.id == "front")


NOW_MS = FakeClock().now_ms()
NAMES = {
    "gate.lan": ["192.0.2.7"], "here.example": ["192.0.2.7", "127.0.0.1"], "here6.example": ["::1"],
    "mapped.example": ["::ffff:127.0.0.1"], "cloud.example": ["169.254.169.254"], "gone.example": [],
}  # fmt: skip
"""What a name server answers; other names are not found in time."""


def look_up(names: Collection[str]) -> Mapping[str, Sequence[str]]:
    return {name: NAMES[name] for name in names if name in NAMES}


def at_standby(camera: StandbyCamera) -> OthersCameraSettings:
    places = CameraPlaces(look_up)
    places.learn([camera])
    return others_camera(camera, "Barn", places)


def test_a_camera_of_the_network_crosses_with_what_recording_needs() -> None:
    text = FRONT + 'onvif = "http://u:secret@192.0.2.7/"\nmicrophone = "alsa:hw:1"\nrotate = 90\nwarm_up = "3 s"\n'
    text += '[cameras.front.rtsp]\ntransport = "tcp"\n'
    found = planned(text)
    assert found.hindrance(NOW_MS) == ""
    assert dict(found.settings) == {
        "source": "rtsp://u:secret@192.0.2.7/main", "rotate": 90, "warm_up": "3 s", "rtsp": {"transport": "tcp"},
        "encrypt": False, "recipients": [],
    }  # fmt: skip
    made = at_standby(found)
    assert (made.name, made.record, made.detection.detector) == ("Front (Barn)", "continuous", "off")
    assert (made.rotate, made.warm_up, made.table("rtsp")) == (90, 3.0, {"transport": "tcp"})


def test_a_battery_camera_that_sleeps_stays_with_its_recorder() -> None:
    found = planned(FRONT + "sleeps = true\n")
    assert (found.hindrance(NOW_MS), dict(found.settings)) == (SLEEPS, {})


def test_masks_are_burned_in_by_the_standby_as_well() -> None:
    masks = "privacy_masks = [[[0.1, 0.1], [0.4, 0.1], [0.4, 0.4]]]\nburn_in_masks = true\n"
    made = at_standby(planned(FRONT + masks))
    assert made.burn_in_masks
    assert len(made.privacy_masks) == 1


@pytest.mark.parametrize("source", ["/dev/video0", "picamera:0", "phone:anna", "exec:ffmpeg -i x", "/srv/film.mp4"])
def test_a_camera_of_the_recorder_itself_does_not_cross(source: str) -> None:
    found = planned(f'[cameras.front]\nsource = "{source}"\n')
    assert (found.hindrance(NOW_MS), dict(found.settings)) == (NOT_REACHABLE, {})


OWN = [
    "rtsp://127.0.0.1/main", "rtsp://u:p@127.8.9.1:8554/main", "http://localhost:1984/api", "http://LOCALHOST./",
    "http://go2rtc.localhost/", "http://localhost.localdomain/", "http://ip6-localhost/", "rtsp://[::1]/main",
    "rtsp://[::ffff:127.0.0.1]/main", "rtsp://[::127.0.0.1]/main", "http://127.1/", "http://2130706433/",
    "http://0x7f.1/", "http://0.0.0.0:8000/", "http://0/", "rtsp://[::]/main", "http://169.254.169.254/latest",
    "rtsp://u:p@[fe80::1]/main", "http://2852039166/", "rtsp://barn.example#@169.254.169.254/", "rtsp://224.0.0.1/",
]  # fmt: skip
"""Addresses that lead each computer to itself, or to its own link."""


@pytest.mark.parametrize("source", OWN)
def test_an_address_of_the_computer_itself_is_taken_over_by_none(source: str) -> None:
    """Its own recorder says so, and the standby decides it itself: also of the sub stream."""
    assert planned(f'[cameras.front]\nsource = "{source}"\n').hindrance(NOW_MS) == NOT_OF_NETWORK
    sub = planned(f'{FRONT}sub = "{source}"\n')
    assert (sub.hindrance(NOW_MS), "sub" in sub.settings) == ("", False)
    for settings in ({"source": source}, {"source": "rtsp://192.0.2.7/", "sub": source}):
        with pytest.raises(AddressRefused, match="leads each computer to itself"):
            at_standby(StandbyCamera("front", "Front", settings))


@pytest.mark.parametrize("source", ["/dev/video0", "exec:rm -rf /", "/etc/passwd", "file:///etc/passwd", ""])
def test_a_recorder_in_wrong_hands_cannot_name_anything_else(source: str) -> None:
    with pytest.raises(ValueError, match=r"connected to that recorder|address"):
        at_standby(StandbyCamera("front", "Front", {"source": source}))
    with pytest.raises(AddressRefused, match="connected to that recorder"):
        at_standby(StandbyCamera("front", "Front", {"source": "rtsp://192.0.2.7/b", "sub": "/dev/video0"}))


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("here.example", LEADS_TO_STANDBY), ("here6.example", LEADS_TO_STANDBY), ("mapped.example", LEADS_TO_STANDBY),
        ("cloud.example", LEADS_TO_STANDBY), ("gone.example", UNKNOWN_NAME), ("slow.example", UNKNOWN_NAME),
    ],
)  # fmt: skip
def test_a_name_that_leads_to_the_standby_itself_is_refused(name: str, why: str) -> None:
    recorder = Recorder()
    cameras, _ = standby(recorder, FakeClock())
    named = StandbyCamera("yard", "Yard", {"source": f"rtsp://u:p@{name}/main"})
    assert cameras.check([named, planned(FRONT)]) == {"yard": why}
    assert cameras.record(BARN, [named, planned(FRONT)], 1) == {"yard": why}
    assert list(recorder.recorded) == [AT_STANDBY]


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"source": "rtsp://u:p%40@gate.lan:8554/main?x=1"}, "rtsp://u:p%40@192.0.2.7:8554/main?x=1"),
        ({"source": "rtsps://gate.lan/", "rtsp": {"fingerprint": "aa" * 32}}, "rtsps://192.0.2.7/"),
        ({"source": "rtsps://gate.lan/"}, "rtsps://gate.lan/"),
    ],
)  # fmt: skip
def test_a_name_is_used_by_the_address_that_was_checked(settings: dict[str, object], expected: str) -> None:
    """A name server that answers something else a moment later changes nothing; a certificate has the name itself."""
    assert at_standby(StandbyCamera("front", "Front", settings)).source == expected


def test_a_camera_with_an_address_does_not_wait_for_names() -> None:
    recorder, seen = Recorder(), list[list[str]]()

    def look_up_slowly(names: Collection[str]) -> Mapping[str, Sequence[str]]:
        seen.append(list(recorder.recorded))
        return {"gate.lan": ["192.0.2.9"]}

    cameras, _ = standby(recorder, FakeClock(), look_up_slowly)
    gate = StandbyCamera("gate", "Gate", {"source": "rtsp://gate.lan/"})
    cameras.record(BARN, [gate, planned(FRONT)], 1)
    assert seen == [[AT_STANDBY]]
    assert len(recorder.recorded) == 2


def test_a_name_that_moves_is_followed_and_one_that_is_unknown_for_a_while_stays() -> None:
    recorder, found = Recorder(), {"gate.lan": ["192.0.2.9"]}
    cameras, _ = standby(recorder, FakeClock(), lambda _: dict(found))
    gate = StandbyCamera("gate", "Gate", {"source": "rtsp://gate.lan/"})
    for now, expected in (
        (["192.0.2.9"], "rtsp://192.0.2.9/"), ([], "rtsp://192.0.2.9/"), (["192.0.2.10"], "rtsp://192.0.2.10/"),
    ):  # fmt: skip
        found["gate.lan"] = now
        assert cameras.record(BARN, [gate], 1) == {}
        assert [one.source for one in recorder.recorded.values()] == [expected]
    found["gate.lan"] = ["127.0.0.1"]
    assert cameras.record(BARN, [gate], 1) == {"gate": LEADS_TO_STANDBY}
    assert recorder.recorded == {}


@pytest.mark.parametrize(
    ("camera", "after_ms", "expected"),
    [
        (planned(FRONT, is_paused=True), HOUR_MS, "it is paused there"),
        (planned(FRONT, pause_s=60), 59_000, "it is paused there"),
        (planned(FRONT, pause_s=60), 60_000, ""),
        (planned(FRONT + 'record = "off"\n', pause_s=60), 61_000, "it is paused there"),
        (planned(FRONT + 'record = "off"\n'), 0, "it is not recorded there"),
        (planned(FRONT + 'record = "events"\n'), 0, ""),
    ],
)
def test_pauses_and_choices_hold_at_the_standby(camera: StandbyCamera, after_ms: int, expected: str) -> None:
    assert camera.hindrance(NOW_MS + after_ms) == expected


RULE = '[[rules]]\nwhen = { camera = "front", between = "06:00-07:00" }\ndo = ["don\'t record"]\n'
NIGHT = """[modes]
names = ["home", "night"]
[modes.schedule]
night = ["06:00-07:00"]
[modes.night.cameras.front]
privacy = true
"""


@pytest.mark.parametrize("by_time", [RULE, NIGHT])
def test_a_rule_or_a_mode_by_time_holds_at_the_standby(by_time: str) -> None:
    """It is 05:00."""
    found = planned(FRONT + by_time)
    assert found.hindrance(NOW_MS + HOUR_MS - 1) == ""
    assert found.hindrance(NOW_MS + HOUR_MS) != ""


@pytest.mark.parametrize("by_time", [RULE, NIGHT])
@pytest.mark.parametrize("after_s", [0.0, 5_400.0], ids=["before", "during"])
def test_a_camera_that_is_off_by_time_is_recorded_again_after_that(by_time: str, after_s: float) -> None:
    """It is 05:00, the camera is off from 06:00 to 07:00, and its recorder stays dead for weeks."""
    found = planned(FRONT + by_time, after_s=after_s)
    for day in (0, 1, 6, 7, 20):
        at_ms = NOW_MS + day * 24 * HOUR_MS
        assert found.hindrance(at_ms + HOUR_MS * 3 // 2) != "", day
        assert found.hindrance(at_ms + 3 * HOUR_MS) == "", day


def test_rules_of_other_cameras_do_not_push_out_when_it_is_private() -> None:
    hours = (f"0{number}:10-0{number}:20" for number in range(9))
    others = "".join(RULE.replace("front", "yard").replace("06:00-07:00", each) for each in hours)
    found = planned(FRONT + RULE + others)
    for day in (0, 1, 2, 5, 8):
        assert found.hindrance(NOW_MS + day * 24 * HOUR_MS + HOUR_MS * 3 // 2) != "", day


def test_a_day_that_differs_does_not_come_again() -> None:
    """Today it is recorded, from tomorrow on it is private at home."""
    modes = '[modes]\nnames = ["home", "away"]\n[modes.exceptions]\n2026-11-20 = "away"\n[modes.home.cameras.front]\n'
    found = planned(FRONT + modes + 'record = "off"\n')
    assert found.hindrance(NOW_MS + HOUR_MS) == ""
    (change,) = found.changes
    for later_ms in (0, 1, HOUR_MS, 9 * 24 * HOUR_MS):
        assert found.hindrance(change[0] + later_ms) != "", later_ms


@pytest.mark.parametrize("by_time", [RULE, NIGHT])
def test_those_of_another_camera_do_not(by_time: str) -> None:
    others = by_time.replace("front", "yard") + FRONT.replace("front", "yard")
    assert planned(others + FRONT).due_until_ms is None


def test_an_encrypted_camera_is_encrypted_for_its_own_keys_alone() -> None:
    own = f'[encryption]\nrecipients = ["{OWNER}"]\nrecovery = "{OWNER}"\n'
    theirs = at_standby(planned(f"{FRONT}encrypt = true\n{own}"))
    standby = settings_of(f'storage.encrypt = true\n[encryption]\nrecipients = ["{OTHER}"]\nrecovery = "{OTHER}"\n')
    here = standby.model_copy(update={"cameras": {"barn-front": theirs}})
    policy = policy_of(here, CameraId("barn-front"))
    assert policy is not None
    assert set(policy.recipients) == {OWNER}


def test_one_that_is_not_encrypted_is_not_encrypted_on_a_standby_that_is() -> None:
    standby = settings_of(f'storage.encrypt = true\n[encryption]\nrecipients = ["{OTHER}"]\nrecovery = "{OTHER}"\n')
    here = standby.model_copy(update={"cameras": {"barn-front": at_standby(planned(FRONT))}})
    assert policy_of(here, CameraId("barn-front")) is None


@dataclass
class Recorder:
    settings: Settings = field(default_factory=Settings)
    recorded: dict[str, OthersCameraSettings] = field(default_factory=dict)
    refuses: str = ""
    states: list[CameraStatus] = field(default_factory=list)
    ending: bool = False
    meanwhile: Callable[[], None] | None = None

    def record_for_others(self, cameras: Mapping[str, OthersCameraSettings]) -> None:
        if any(self.refuses and self.refuses in one for one in cameras):
            raise SettingsError("others", (Problem("cameras", "x", "y"),))
        self.recorded = dict(cameras)
        meanwhile, self.meanwhile = self.meanwhile, None
        if meanwhile is not None:
            meanwhile()

    def open_segments(self, camera: CameraId) -> Sequence[Segment]:
        return []

    def is_ending(self, camera: CameraId) -> bool:
        return self.ending

    def segment_path(self, segment: Segment) -> Path:
        return Path(segment.path)


def standby(recorder: Recorder, clock: FakeClock, names: LookUp = look_up) -> tuple[StandbyCameras, MemoryIndex]:
    index = MemoryIndex()
    ledger = HistoryLedger(HistoryJournal(MemoryDisk()), index, clock)
    condition = condition_of(recorder.states)
    return StandbyCameras(recorder, index, ledger, lambda: "Shed", clock, condition, names), index


def condition_of(
    statuses: Sequence[CameraStatus], free_bytes: int = 1 << 40, *, is_alive: bool = True, is_stopped: bool = False
) -> StandbyCondition:
    space = DiskCapacity(free_bytes, 1 << 41)
    return StandbyCondition(lambda: is_alive, lambda: is_stopped, lambda: statuses, lambda: space)


@pytest.mark.parametrize(
    ("problem", "expected"),
    [
        ("The disk at /d/standby.db is full.", ". Die Festplatte /d/standby.db ist voll."),
        ("/d/standby.key is damaged.", ". /d/standby.key ist beschädigt."),
        (STUCK, ": auf dem Ersatzrekorder hängt die Aufzeichnung."),
    ],
)
def test_why_a_recorder_can_be_no_standby_is_said_in_german_whole(problem: str, expected: str) -> None:
    [found] = protected_problems([], problem)
    assert GERMAN.translate(found.detail) == f"Dieser Rekorder kann kein Ersatzrekorder sein{expected}"


def test_the_time_that_neither_has_names_both() -> None:
    clock, recorder = FakeClock(), Recorder()
    cameras, index = standby(recorder, clock)
    silent_ms = clock.now_ms()
    clock.advance(3.5)
    assert cameras.record(BARN, [planned(FRONT)], silent_ms) == {}
    assert list(recorder.recorded) == [AT_STANDBY]
    assert index.gaps(AT_STANDBY, Span(0, 1 << 45)) == [
        Gap(
            AT_STANDBY, silent_ms, silent_ms + 3500, GapReason.RECORDER_OFF,
            "Barn didn't answer until the standby Shed took over",
        )
    ]  # fmt: skip
    cameras.record(BARN, [], silent_ms)
    assert recorder.recorded == {}


def test_one_camera_that_cannot_be_recorded_hinders_no_other() -> None:
    recorder = Recorder(refuses="yard")
    cameras, _ = standby(recorder, FakeClock())
    yard = StandbyCamera("yard", "Yard", {"source": "rtsp://192.0.2.8/"})
    invalid = StandbyCamera("door", "Door", {"source": "rtsp://192.0.2.9/", "rotate": 17})
    refused = cameras.record(BARN, [yard, invalid, planned(FRONT)], 1)
    assert set(refused) == {"yard", "door"}
    assert refused["door"] == INVALID
    assert list(recorder.recorded) == [AT_STANDBY]


def test_two_recorders_that_fail_together_are_both_recorded() -> None:
    recorder = Recorder()
    cameras, _ = standby(recorder, FakeClock())
    loft = threading.Thread(target=cameras.record, args=(replace(BARN, id="loft", key=b"2"), [planned(FRONT)], 1))

    def fail_too() -> None:
        loft.start()
        loft.join(0.2)  # it must wait for the first one

    recorder.meanwhile = fail_too
    cameras.record(BARN, [planned(FRONT)], 1)
    loft.join()
    assert set(recorder.recorded) == {AT_STANDBY, id_at_standby("loft", b"2", "front")}


def test_cameras_of_two_recorders_never_share_an_id() -> None:
    recorder = Recorder()
    cameras, _ = standby(recorder, FakeClock())
    cameras.record(replace(BARN, key=b"1"), [StandbyCamera("a-front", "Front", planned(FRONT).settings)], 1)
    cameras.record(replace(BARN, id="barn-a", key=b"2"), [planned(FRONT)], 1)
    assert len(set(recorder.recorded)) == 2
    assert "barn-a-front" not in recorder.recorded
    assert id_at_standby("barn", b"1", "x" * 40).startswith("standby-")


def test_a_camera_of_ones_own_keeps_its_name() -> None:
    recorder = Recorder(settings_of(f'[cameras.{AT_STANDBY}]\nsource = "rtsp://192.0.2.9/"\n'))
    cameras, _ = standby(recorder, FakeClock())
    cameras.record(BARN, [planned(FRONT)], 1)
    [name] = recorder.recorded
    assert name.startswith("standby-")


def test_footage_that_is_still_being_written_is_not_handed_over() -> None:
    recorder = Recorder(ending=True)
    cameras, _ = standby(recorder, FakeClock())
    assert cameras.footage(BARN, "front", Span(0, 10)) is None
    recorder.ending = False
    assert cameras.footage(BARN, "front", Span(0, 10)) == []


MODE = '[modes]\nnames = ["home", "away"]\n[modes.home]\nothers = { record = "events" }\n'
PRIVATE = MODE.replace('record = "events"', "privacy = true")
RULED_OUT = '[[rules]]\nwhen = { mode = "home" }\ndo = ["don\'t record"]\n'


@pytest.mark.parametrize("own", [MODE, PRIVATE, RULED_OUT], ids=["events", "private", "rule"])
def test_modes_and_rules_of_the_standby_are_not_those_of_other_recorders_cameras(own: str) -> None:
    """Their own recorder's plan says when they are recorded."""
    settings, name = settings_of(own), CameraId(AT_STANDBY)
    borrowed = at_standby(planned(FRONT))
    settings = settings.model_copy(update={"cameras": {name: borrowed}})
    arming = ModeController(
        lambda: settings, ZoneInfo("UTC"), None, FakeClock(), Bus(), lambda _: False, lambda _: frozenset()
    )
    duty = arming.duty(name, borrowed)
    assert (duty.record, duty.is_read) == ("continuous", True)
    assert in_mode(settings, "home", name) == AS_SET, "as MQTT and pages show it"
    arming.modes.pause(name, None, "Anna")
    assert not arming.duty(name, borrowed).is_read


def protected_by(clock: FakeClock, *names: str) -> list[ProtectedState]:
    """Recorders that are silent."""
    now_ms = clock.now_ms()
    return [
        ProtectedState(
            replace(BARN, id=name.lower(), name=name),
            LeaseState.TAKEN,
            False,
            False,
            now_ms,
            now_ms,
            ("front",),
            (),
            (),
        )
        for name in names
    ]


def test_each_recorder_that_fails_is_a_problem_of_its_own() -> None:
    """Alarms tell of one more problem, not of one that changes."""
    found = list(protected_problems(protected_by(FakeClock(), "Barn", "Loft"), ""))
    assert len({one.about for one in found}) == 2
    assert [one.detail for one in found] == [
        f"This standby records 1 of the cameras of {name}." for name in ("Barn", "Loft")
    ]


BLOCKED, RECORDING, WAITING, OFFLINE = (
    CameraState.BLOCKED, CameraState.RECORDING, CameraState.WAITING, CameraState.OFFLINE,
)  # fmt: skip


@pytest.mark.parametrize(
    ("states", "expected"),
    [
        ([RECORDING, WAITING, OFFLINE], ["0", "1"]),
        ([OFFLINE], []),
        ([BLOCKED, RECORDING], ["1"]),
        ([BLOCKED, OFFLINE], None),
        ([BLOCKED, WAITING], None),
    ],
)
def test_a_recorder_whose_disk_takes_nothing_does_not_say_that_it_is_here(
    states: Sequence[CameraState], expected: Sequence[str] | None
) -> None:
    assert recorded_of([CameraStatus(CameraId(str(n)), "", one, 0) for n, one in enumerate(states)]) == expected


@pytest.mark.parametrize(
    ("states", "free_bytes", "expected"),
    [
        ([], 1 << 30, ""), ([], 1_000_000, DISK_FULL), ([OFFLINE], 0, DISK_FULL), ([RECORDING], 0, ""),
        ([BLOCKED], 1 << 30, DISK_FULL),
    ],
)  # fmt: skip
def test_a_standby_whose_disk_takes_nothing_says_so_ahead(
    states: Sequence[CameraState], free_bytes: int, expected: str
) -> None:
    statuses = [CameraStatus(CameraId(str(n)), "", one, 0) for n, one in enumerate(states)]
    assert condition_of(statuses, free_bytes).hindrance() == expected


def test_a_standby_whose_disk_takes_no_more_files_says_so_ahead() -> None:
    space = DiskCapacity(1 << 40, 1 << 41, free_files=0)
    assert StandbyCondition(lambda: True, lambda: False, list, lambda: space).hindrance() == DISK_FULL


def test_a_standby_on_which_recording_is_stopped_or_stuck_says_so_ahead() -> None:
    assert condition_of([], is_stopped=True).hindrance() == STOPPED
    assert condition_of([], is_alive=False).hindrance() == STUCK


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        (CameraState.PAUSED, {"front": UNRECORDED}),
        (OFFLINE, {"front": UNRECORDED}),
        (RECORDING, {}),
        (CameraState.STARTING, {}),
    ],
)
def test_a_camera_that_is_taken_over_and_not_recorded_is_said(state: CameraState, expected: Mapping[str, str]) -> None:
    recorder = Recorder(states=[CameraStatus(AT_STANDBY, "", state, 0)])
    cameras, _ = standby(recorder, FakeClock())
    assert cameras.unrecorded(BARN) == {}
    cameras.record(BARN, [planned(FRONT)], 1)
    assert cameras.unrecorded(BARN) == expected
