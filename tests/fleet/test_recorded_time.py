"""The hub asks its boxes what they recorded, and stores what they answer."""

from collections.abc import AsyncIterator, Mapping
from typing import Any
from urllib.parse import parse_qs

import pytest

from tawny.fleet.fleet_index import BoxDay, CameraDay
from tawny.fleet.history_rows import DAY_MS
from tawny.fleet.recorded_time import former_days, recorded_in
from tawny.model.ids import CameraId
from tawny.model.times import Span
from tests.api.fakes import House
from tests.fleet.rig import BoxRig, HubRig, event_line, eventually, hub_rig

TODAY = 20_000
ZERO_MS = TODAY * DAY_MS
NOW_MS = ZERO_MS + 10 * 3_600_000
FRONT = CameraId("front")


class Recordings:
    """What a box has: since `first_ms`, without a gap. asked: the days, in order."""

    def __init__(self, first_ms: int) -> None:
        self.first_ms, self.asked = first_ms, list[int]()

    def __call__(self, query: str) -> Mapping[str, Any]:
        said = {name: int(value) for name, [value] in parse_qs(query).items()}
        self.asked.append(said["from_ms"] // DAY_MS)
        begin_ms, end_ms = max(said["from_ms"], self.first_ms), min(said["to_ms"], NOW_MS)
        spans = [(begin_ms, end_ms)] if begin_ms < end_ms else []
        return {"now_ms": NOW_MS, "cameras": [{"id": "front", "first_ms": self.first_ms, "spans": spans}]}


@pytest.fixture
async def rig(house: House) -> AsyncIterator[HubRig]:
    async with hub_rig("memory", house) as made:
        yield made


async def test_the_newest_days_are_asked_first_and_each_once(rig: HubRig, box: BoxRig) -> None:
    box.recorded = recordings = Recordings(ZERO_MS - 3 * DAY_MS + 5)
    await rig.join(box)
    async with rig.connected(box):
        book = box.offer().history.book()
        await eventually(lambda: len(rig.index.recorded_days("shed", book)) == 4, "all days")
    assert recordings.asked[1:] == [TODAY, TODAY - 1, TODAY - 2, TODAY - 3]
    days = rig.index.recorded_days("shed", book)
    assert days[TODAY] == NOW_MS
    assert days[TODAY - 3] == ZERO_MS - 2 * DAY_MS


async def test_after_an_outage_only_what_is_missing_is_asked(rig: HubRig, box: BoxRig) -> None:
    box.recorded = recordings = Recordings(ZERO_MS - 2 * DAY_MS)
    book = box.offer().history.book()
    await rig.join(box)
    async with rig.connected(box):
        await eventually(lambda: len(rig.index.recorded_days("shed", book)) == 3, "all days")
    async with rig.connected(box):
        await eventually(lambda: len(recordings.asked) >= 6, "the box to be asked again")
    assert recordings.asked[:6] == [0, TODAY, TODAY - 1, TODAY - 2, 0, TODAY]


async def test_a_box_that_does_not_tell_stays_connected(rig: HubRig, box: BoxRig) -> None:
    box.recorded = lambda _query: {"cameras": "none"}
    box.write(event_line("e"))
    await rig.join(box)
    async with rig.connected(box) as task:
        await eventually(lambda: rig.events() == ["e"], "the event")
        assert not task.done()
    assert rig.index.recorded_days("shed", box.offer().history.book()) == {}


@pytest.mark.parametrize("status", [429, 500, 503])
async def test_a_box_that_cannot_answer_once_is_asked_again(
    rig: HubRig, box: BoxRig, monkeypatch: pytest.MonkeyPatch, status: int
) -> None:
    monkeypatch.setattr("tawny.fleet.recorded_time.AGAIN_S", 0.01)
    box.recorded, box.statuses = Recordings(ZERO_MS), iter([200, status])
    await rig.join(box)
    async with rig.connected(box):
        book = box.offer().history.book()
        await eventually(lambda: len(rig.index.recorded_days("shed", book)) == 1, "the day")


async def test_without_events_a_box_is_not_asked(rig: HubRig, box: BoxRig) -> None:
    box.recorded = recordings = Recordings(ZERO_MS)
    box.allow = ("health", "live")
    await rig.join(box)
    async with rig.connected(box):
        await eventually(lambda: rig.hub.states()[0].status.get("working") == 1, "the health")
    assert recordings.asked == []


def said(*spans: Any, now_ms: int = NOW_MS, **camera: Any) -> dict[str, Any]:
    return {"now_ms": now_ms, "cameras": [{"id": "front", "first_ms": None, "spans": spans, **camera}]}


@pytest.mark.parametrize(
    ("answer", "known_ms", "day_ms"),
    [
        (said((ZERO_MS, NOW_MS - 2000)), NOW_MS - 2000, NOW_MS),  # it goes on recording
        (said((ZERO_MS, NOW_MS - 60_000)), NOW_MS, NOW_MS),
        (said(), NOW_MS, NOW_MS),
        (said((ZERO_MS, ZERO_MS + DAY_MS), now_ms=ZERO_MS + 2 * DAY_MS), ZERO_MS + DAY_MS, ZERO_MS + DAY_MS),
        (said(now_ms=ZERO_MS + DAY_MS + 1000), ZERO_MS + DAY_MS - 1, ZERO_MS + DAY_MS - 1),  # not all is listed yet
    ],
)
def test_what_just_happens_is_not_known_yet(answer: dict[str, Any], known_ms: int, day_ms: int) -> None:
    _, found = recorded_in(answer, TODAY)
    assert (found.cameras[FRONT].until_ms, found.until_ms) == (known_ms, day_ms)


@pytest.mark.parametrize(
    "answer",
    [
        None, [], {}, {"now_ms": "1", "cameras": []}, {"now_ms": True, "cameras": []}, said(id="../x y"), said(id=7),
        said((5, 4)), said(("1", 2)), said(first_ms=-1), said(first_ms=10**30), said((1,)), said(spans=7),
        {"now_ms": 1, "cameras": {"a": 1}}, {"now_ms": 1, "cameras": [3]},
    ],
)  # fmt: skip
def test_an_answer_without_sense_is_refused(answer: Any) -> None:
    with pytest.raises(ValueError, match=r"."):
        recorded_in(answer, TODAY)


def test_recordings_of_other_days_are_cut_off() -> None:
    _, found = recorded_in(said((ZERO_MS - 500, ZERO_MS + 500), (ZERO_MS + 400, ZERO_MS + 900)), TODAY)
    assert found.cameras[FRONT].recorded == (Span(ZERO_MS, ZERO_MS + 900),)


def test_a_wrong_clock_of_a_box_means_a_bounded_number_of_questions() -> None:
    day = BoxDay(TODAY, NOW_MS, {FRONT: CameraDay((), NOW_MS)}, {FRONT: 0})
    assert former_days(day)[0] == TODAY - 1
    assert len(former_days(day)) == 1500
