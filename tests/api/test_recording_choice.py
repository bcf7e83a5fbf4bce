"""What is recorded of a camera: shown with its cost, and changed."""

import random
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from tawny.api.auth.accounts import Role
from tawny.config.loader import parse_settings
from tawny.config.settings import Settings
from tawny.model.events import Event, new_event_id
from tawny.model.ids import CameraId, StreamName
from tawny.model.times import Span
from tawny.playback.timeline import day_of
from tawny.recorder.recording_times import RecordingTimes, is_wanted
from tawny.service.cameras.recording_choice import RecordingChoiceService
from tawny.service.changeable_settings import ChangeableSettings
from tests.api.fakes import House
from tests.playback.archives import PORCH

TEXT = """
[modes]
names = ["home", "night"]
[cameras.porch] # at the door
source = "demo:front"
post = "20 s"
"""
PATH = "/api/v1/cameras/porch/recording"


class Desk:
    def __init__(self, house: House, file: Path) -> None:
        made, problems = parse_settings(TEXT, {})
        assert made is not None, problems
        self.settings, self.file = made, file
        file.write_text(TEXT)
        changeable = ChangeableSettings(lambda: self.settings, self._apply, file)
        rates = {(PORCH, StreamName.MAIN): (1000.0, 100.0), (PORCH, StreamName.SUB): (200.0, 20.0)}
        house.site.recording = RecordingChoiceService(
            changeable, house.recorder.index, lambda: rates, lambda: "home", house.clock, ZoneInfo("UTC")
        )

    def _apply(self, new: Settings, _file: str) -> None:
        self.settings = new


@pytest.fixture
def desk(house: House, tmp_path: Path) -> Desk:
    return Desk(house, tmp_path / "tawny.toml")


def happened(house: House, before_day_s: float, lasts_s: float, camera: CameraId = PORCH) -> None:
    """Put an event so long before the begin of today."""
    start_ms = day_of(ZoneInfo("UTC"), house.clock.now_ms()).begin_ms - round(before_day_s * 1000)
    house.recorder.index.put_event(
        Event(new_event_id(start_ms), camera, "person", start_ms, start_ms + round(lasts_s * 1000), 50.0)
    )


async def test_the_cost_is_yesterday_replayed(house: House, desk: Desk) -> None:
    happened(house, 3600, 100)
    happened(house, 3600 - 110, 10)  # overlaps with the one before
    happened(house, 7200, 60, CameraId("yard"))
    happened(house, 25 * 3600, 60)
    data = (await house.signed_in().get(PATH)).json()
    assert (data["record"], data["pre_s"], data["post_s"], data["modes"]) == ("continuous", 5.0, 20.0, {})
    assert (data["mode"], data["mode_names"], data["byte_rate"], data["in_file"]) == (
        "home", ["home", "night"], 1200.0, True,
    )  # fmt: skip
    assert (data["yesterday"]["events"], data["yesterday"]["known"]) == (2, True)
    assert data["yesterday"]["seconds"] == {"continuous": 86_400, "off": 0, "events": 145, "transitions": 70}
    data = (await house.signed_in().get(f"{PATH}?pre_s=0&post_s=0")).json()
    assert data["yesterday"]["seconds"]["events"] == 110


def events_of_scores(scores: list[float], threshold: float, begin_ms: int) -> list[Event]:
    """One score a second. An event begins at the threshold, and ends three seconds after the last such score."""
    found: list[Event] = []
    for second, score in enumerate(scores):
        at_ms = begin_ms + second * 1000
        if score < threshold:
            continue
        last = found[-1] if found else None
        if last is not None and last.end_ms is not None and at_ms <= last.end_ms:
            found[-1] = Event(last.id, PORCH, last.kind, last.start_ms, at_ms + 3000, 50.0)
        else:
            found.append(Event(new_event_id(at_ms), PORCH, "motion", at_ms, at_ms + 3000, 50.0))
    return found


def recorded_s(events: list[Event], day: Span, pre_s: float, post_s: float) -> int:
    """The day once more, second by second, as the recorder has it: each second leaves the ring after the pre-roll."""
    wanted, seconds, begun, ended = RecordingTimes("events", pre_s, post_s), 0, 0, 0
    for now_ms in range(day.begin_ms, day.end_ms, 1000):
        while begun < len(events) and events[begun].start_ms <= now_ms:
            one = events[begun]
            wanted.on_event(Event(one.id, PORCH, one.kind, one.start_ms, None, 50.0), now_ms)
            begun += 1
        while ended < begun and (events[ended].end_ms or 0) <= now_ms:
            wanted.on_event(events[ended], now_ms)
            ended += 1
        seconds += is_wanted(wanted.spans(), now_ms - round(pre_s * 1000))
    return seconds


@pytest.mark.parametrize(("pre_s", "post_s"), [(5, 20), (0, 5), (10, 120)])
@pytest.mark.parametrize("busy", [0.0005, 0.01])
async def test_the_estimate_is_what_recording_yesterday_would_have_kept(
    house: House, desk: Desk, pre_s: float, post_s: float, busy: float
) -> None:
    dice = random.Random(3)
    scores, is_moving = [], False
    for _ in range(86_400):
        is_moving = dice.random() < (0.9 if is_moving else busy)
        scores.append(dice.uniform(30, 90) if is_moving else dice.uniform(0, 20))
    today = day_of(ZoneInfo("UTC"), house.clock.now_ms())
    day = day_of(ZoneInfo("UTC"), today.begin_ms - 1)
    events = events_of_scores(scores, 25.0, day.begin_ms)
    for one in events:
        house.recorder.index.put_event(one)
    data = (await house.signed_in().get(f"{PATH}?pre_s={pre_s}&post_s={post_s}")).json()["yesterday"]
    assert data["events"] == len(events) > 20
    assert data["seconds"]["events"] == pytest.approx(recorded_s(events, day, pre_s, post_s), rel=0.05)


async def test_a_change_is_written_and_applied(house: House, desk: Desk) -> None:
    asked = {"record": "events", "pre_s": 3, "post_s": 10, "modes": {"night": "continuous"}}
    answer = await house.signed_in().put(PATH, json=asked)
    assert answer.status_code == 200, answer.text
    assert {key: answer.json()[key] for key in asked} == asked
    camera = desk.settings.cameras["porch"]
    assert (camera.record, camera.pre, camera.post) == ("events", 3.0, 10.0)
    assert desk.settings.modes.record_in("night", "porch") == "continuous"
    text = desk.file.read_text()
    assert "# at the door" in text and 'record = "events"' in text and 'pre = "3 s"' in text
    assert "post" not in text, "the default is not written"
    written, _ = parse_settings(text, {})
    assert written is not None
    assert (written.cameras["porch"], written.modes) == (desk.settings.cameras["porch"], desk.settings.modes)
    answer = await house.signed_in().put(PATH, json={"record": "continuous", "pre_s": 5, "post_s": 10})
    assert answer.json()["modes"] == {}
    assert desk.settings.modes.record_in("night", "porch") is None
    assert "record" not in desk.file.read_text()


@pytest.mark.parametrize(
    "wrong",
    [
        {"record": "sometimes"},
        {"pre_s": 31},
        {"post_s": 301},
        {"modes": {"day": "off"}},
        {"modes": {"night": "never"}},
        {"record": None},
    ],
)
async def test_a_wrong_choice_changes_nothing(wrong: dict[str, Any], house: House, desk: Desk) -> None:
    asked = {"record": "events", "pre_s": 3, "post_s": 10, **wrong}
    answer = await house.signed_in().put(PATH, json=asked)
    assert answer.status_code in (400, 409, 422), answer.text
    assert desk.file.read_text() == TEXT
    assert desk.settings.cameras["porch"].record == "continuous"


async def test_what_another_owner_changed_meanwhile_stays(house: House, desk: Desk) -> None:
    owner = house.signed_in()
    shown = {key: (await owner.get(PATH)).json()[key] for key in ("record", "pre_s", "post_s", "modes", "version")}
    first = await owner.put(PATH, json=shown | {"record": "events"})
    text = desk.file.read_text()
    second = await owner.put(PATH, json=shown | {"modes": {"night": "off"}})
    assert (first.status_code, second.status_code, second.json()["code"]) == (200, 409, "changed")
    assert (desk.file.read_text(), desk.settings.cameras["porch"].record) == (text, "events")
    assert desk.settings.modes.record_in("night", "porch") is None
    overwritten = await owner.put(PATH, json=shown | {"modes": {"night": "off"}, "version": None})
    assert (overwritten.json()["record"], overwritten.json()["modes"]) == ("continuous", {"night": "off"})


async def test_a_change_of_a_mode_elsewhere_counts_as_a_change(house: House, desk: Desk) -> None:
    owner = house.signed_in()
    shown = {key: (await owner.get(PATH)).json()[key] for key in ("record", "pre_s", "post_s", "modes", "version")}
    made, _ = parse_settings(TEXT.replace("[cameras", '[modes.night.cameras]\nporch = {record = "off"}\n[cameras'), {})
    assert made is not None
    desk.settings = made
    assert (await owner.put(PATH, json=shown | {"pre_s": 7})).status_code == 409


async def test_the_version_is_the_same_after_the_file_is_read_again(house: House, desk: Desk) -> None:
    owner = house.signed_in()
    asked = {"record": "events", "pre_s": 3, "post_s": 10, "modes": {"night": "off"}}
    saved = (await owner.put(PATH, json=asked)).json()["version"]
    read, _ = parse_settings(desk.file.read_text(), {})
    assert read is not None
    desk.settings = read
    assert (await owner.get(PATH)).json()["version"] == saved


async def test_only_owners_may(house: House, desk: Desk) -> None:
    browser = house.signed_in(Role.VIEWER)
    assert (await browser.get(PATH)).status_code == 403
    assert (await browser.put(PATH, json={"record": "off", "pre_s": 5, "post_s": 5})).status_code == 403
