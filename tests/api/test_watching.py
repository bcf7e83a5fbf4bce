"""How a camera is watched, over the API: told to everybody, changed by an owner."""

import copy
from typing import Any

import httpx
import pytest

from tawny.api.auth.accounts import Role
from tawny.api.events.state_socket import MeterFeed
from tawny.api.past.frame_stamps import live_stamps
from tawny.config.settings import DetectionSettings
from tawny.live.jpeg_stream import JpegOptions
from tawny.model.errors import NotDone, Problem, SettingsError
from tawny.model.events import Event
from tawny.model.geometry import UPRIGHT, Orientation
from tawny.model.ids import EventId, StreamName
from tawny.model.observations import FigureThing, Look, Measurement, MotionFigure, Observation
from tawny.service.scoped_recorder import scope_recorder
from tests.api.fakes import House
from tests.playback.archives import PORCH

PATH = "/api/v1/cameras/porch/watching"
CORNER = [[0.0, 0.0], [0.5, 0.0], [0.0, 0.5]]
Told = dict[str, Any]


@pytest.fixture
def owner(house: House) -> httpx.AsyncClient:
    return house.signed_in(Role.OWNER)


async def told(browser: httpx.AsyncClient) -> Told:
    answer = await browser.get(PATH)
    assert answer.status_code == 200
    made: Told = answer.json()
    return made


async def change(browser: httpx.AsyncClient, now: Told, **changes: Any) -> httpx.Response:
    body = {"watch": {**now["watch"], **changes}, "version": now["version"]}
    return await browser.put(PATH, json=body)


async def test_a_viewer_sees_it_and_changes_nothing(house: House) -> None:
    viewer = house.signed_in(Role.VIEWER)
    now = await told(viewer)
    assert (now["watch"]["level"], now["watch"]["mode"], now["notes"]) == (50, "balanced", None)
    assert now["detectors"][0]["numbers"][0]["name"] == "sensitivity"
    assert (await change(viewer, now, level=60)).status_code == 403
    assert house.recorder.tuning.watch.threshold == 50


async def test_all_of_it_goes_there_and_back(house: House, owner: httpx.AsyncClient) -> None:
    zone = {
        "name": "path", "points": CORNER, "level": 61, "smallest": 0.013, "stay_s": 2.5, "direction": "left",
        "loiter_s": 60, "left_s": 20, "alert": True,
    }  # fmt: skip
    changes: Told = {
        "level": 44, "frames": 2, "within": 5, "mode": "frugal", "decode": "software", "zones": [zone],
        "lines": [{"name": "gate", "points": CORNER[:2], "direction": "left-to-right"}],
            "mask": [CORNER], "private": [CORNER],
        "numbers": {"sensitivity": 60}, "read": ["plates"], "alert": ["person", "dog"],
        "sound": {"listen": True, "level": 40, "hold_s": 2.0, "model": "yamnet", "loud": False},
    }  # fmt: skip
    answer = await change(owner, await told(owner), **changes)
    assert answer.status_code == 200
    assert answer.json()["watch"] == {"detector": "motion", **changes}
    assert answer.json()["changed"]["by"].startswith("owner")
    assert house.recorder.tuning.watch.zones["path"].min_time == 2.5
    assert house.accounts.audit()[0].detail == (
        "porch: alert, decode, effort, frames, lines, motion, motion_masks, privacy_masks, recognize, sound, "
        "threshold, within, zones"
    )
    assert house.recorder.tuning.watch.options == {"sensitivity": 60}
    assert (await change(owner, answer.json(), zones=[], numbers={})).json()["watch"]["zones"] == []
    assert house.recorder.tuning.watch.options == {}


async def test_the_second_of_two_people_is_told(house: House, owner: httpx.AsyncClient) -> None:
    other = house.signed_in(Role.OWNER)
    mine, theirs = await told(owner), await told(other)
    assert (await change(other, theirs, level=70)).status_code == 200
    house.clock.advance(70)
    refused = await change(owner, mine, level=30)
    assert refused.status_code == 409
    assert refused.json()["code"] == "changed"
    assert refused.json()["message"].endswith("changed this a minute ago.")
    assert house.recorder.tuning.watch.threshold == 70
    anyway = await owner.put(PATH, json={"watch": {**mine["watch"], "level": 30}})
    assert anyway.json()["watch"]["level"] == 30


@pytest.mark.parametrize(
    "wrong",
    [
        {"level": 0},
        {"zones": [{"name": "z", "points": CORNER[:2]}]},
        {"zones": [{"name": "z", "points": [[0, 0], [1, 1], [1, 0], [0, 1]]}]},
        {"zones": [{"name": "../z", "points": CORNER}]},
        {"mask": [[[0, 0], [2, 0], [0, 1]]]},
        {"mode": "lazy"},
    ],
)
async def test_what_cannot_be_is_refused_in_words(house: House, owner: httpx.AsyncClient, wrong: Told) -> None:
    answer = await change(owner, await told(owner), **wrong)
    assert answer.status_code in (400, 422)
    assert answer.json()["message"]
    assert house.recorder.tuning.changed is None


@pytest.mark.parametrize("model", ["/srv/inbox/evil.py", "evil.py", "~evil", "/tmp/evil.onnx"])
async def test_a_browser_names_no_file_as_sound_model(house: House, owner: httpx.AsyncClient, model: str) -> None:
    now = await told(owner)
    answer = await change(owner, now, sound={**now["watch"]["sound"], "model": model})
    assert (answer.status_code, answer.json()["message"]) == (400, "The sound model can't be a file here.")
    assert house.recorder.tuning.changed is None


async def test_a_file_that_is_the_sound_model_stays(house: House, owner: httpx.AsyncClient) -> None:
    own = {"sound": {"model": "/srv/yamnet.onnx", "labels": "/srv/yamnet.txt", "input": "log-mel"}}
    house.recorder.tuning.watch = DetectionSettings.model_validate(own)
    assert (await change(owner, await told(owner), level=60)).status_code == 200
    sound = house.recorder.tuning.watch.sound
    assert (sound.model, sound.labels, sound.input) == ("/srv/yamnet.onnx", "/srv/yamnet.txt", "log-mel")


async def test_what_the_detector_or_the_disk_refuses(house: House, owner: httpx.AsyncClient) -> None:
    house.recorder.tuning.refuses = SettingsError("x", (Problem("cameras.porch.detection.motion", "9", "1 to 100"),))
    assert (await change(owner, await told(owner), level=60)).json()["message"] == "motion: 1 to 100."
    house.recorder.tuning.refuses = NotDone("no such camera", "Reload.")
    assert (await change(owner, await told(owner), level=60)).status_code == 409


async def test_what_came_of_watching_is_told(house: House, owner: httpx.AsyncClient) -> None:
    house.recorder.tuning.notes = {
        "stream": "main", "looks": 900, "skipped": 3, "errors": 0, "decodes_by": "software", "refused": ("vaapi",),
        "gap_s": 2.0, "may_sleep": True, "groups": 100, "slept": 88, "audits": 4, "misses": 1, "hardware": "Tried.",
    }  # fmt: skip
    assert (await told(owner))["notes"] == {
        "stream": "main", "looks": 900, "late": 3, "groups": 100, "slept": 88, "audits": 4, "misses": 1,
        "keyframe_gap_s": 2.0, "sleeps": True, "decodes_by": "software", "hardware": "Tried.",
    }  # fmt: skip


async def test_of_no_camera(owner: httpx.AsyncClient) -> None:
    assert (await owner.get("/api/v1/cameras/none/watching")).status_code == 404


async def test_an_owner_turns_the_image(house: House, owner: httpx.AsyncClient) -> None:
    answer = await owner.put("/api/v1/cameras/porch/orientation", json={"rotate": 270, "mirror": True})
    assert (answer.status_code, answer.json()["camera"]) == (200, "porch")
    assert house.recorder.tuning.orientation == Orientation(270, mirror=True)
    assert house.recorder.tuning.changed is not None


@pytest.mark.parametrize("wrong", [{"rotate": 45, "mirror": False}, {"rotate": 90}, {"rotate": "90", "mirror": 1}, {}])
async def test_no_other_angle_is_taken(house: House, owner: httpx.AsyncClient, wrong: dict[str, object]) -> None:
    answer = await owner.put("/api/v1/cameras/porch/orientation", json=wrong)
    assert answer.status_code == 422
    assert house.recorder.tuning.orientation == UPRIGHT


async def test_an_image_that_cannot_be_turned(house: House, owner: httpx.AsyncClient) -> None:
    house.recorder.tuning.refuses = NotDone("The file is gone.", "Reload.")
    answer = await owner.put("/api/v1/cameras/porch/orientation", json={"rotate": 90, "mirror": False})
    assert (answer.status_code, answer.json()["message"]) == (409, "The file is gone.")


def test_a_meter_is_read_only_while_it_is_wanted(house: House) -> None:
    woken: list[int] = []
    tuning = house.recorder.tuning
    meters = MeterFeed(tuning, lambda: woken.append(1))
    meters.want(["state", "motion:porch", "motion:none"])
    assert tuning.met.is_read
    thing = Observation("motion", 0.61, (0.1, 0.2, 0.30001, 0.4), 1)
    tuning.met.show(1234, Look(61, (thing,)), {"path": 61}, Measurement(742, 400))
    assert woken == [1]
    assert meters.take() == [
        {
            "camera": "porch",
            "t": 1234,
            "score": 61,
            "zones": {"path": 61},
            "things": [{"box": [0.1, 0.2, 0.3, 0.4], "score": 61, "event": True, "label": "motion"}],
            "number": 742,
            "level": 400,
        }
    ]
    assert meters.take() == []
    meters.want([])
    assert not tuning.met.is_read


def test_the_meter_of_a_hidden_camera_is_ignored(house: House) -> None:
    """It cut the connection of who may see other cameras only."""
    tuning = scope_recorder(house.recorder, frozenset({PORCH})).tuning
    meters = MeterFeed(tuning, lambda: None)
    meters.want(["motion:hidden", "motion:porch"])
    assert house.recorder.tuning.met.is_read
    meters.want([])


# --- detectors keep their numbers


DETECTORS = ["motion", "framediff", "own"]
"""The last one is not installed: its table may be there all the same."""


@pytest.mark.parametrize("away", ["off", *DETECTORS])
@pytest.mark.parametrize("detector", DETECTORS)
async def test_a_detector_that_is_left_keeps_its_numbers(
    house: House, owner: httpx.AsyncClient, detector: str, away: str
) -> None:
    own = {"sensitivity": 62, "share": 0.25, "label": "cat", "is_fast": True, "sizes": [1, 2]}
    house.recorder.tuning.watch = DetectionSettings.model_validate({"detector": detector, detector: own})
    before = (await told(owner))["watch"]["numbers"]
    assert before == {"sensitivity": 62, "share": 0.25}
    left = await change(owner, await told(owner), detector=away, numbers=before if away == detector else {})
    assert left.status_code == 200
    offered = {one["name"]: one["values"] for one in left.json()["detectors"]}
    assert offered == {name: before if name == detector else {} for name in ("motion", "framediff")}
    back = await change(owner, left.json(), detector=detector)
    assert back.json()["watch"]["numbers"] == before
    assert house.recorder.tuning.watch.options == own


async def test_every_browser_learns_which_detector_was_turned_off(house: House, owner: httpx.AsyncClient) -> None:
    house.recorder.tuning.watch = DetectionSettings(detector="off", detector_when_on="framediff")
    now = await told(owner)
    assert (now["watch"]["detector"], now["detector_when_on"]) == ("off", "framediff")
    await change(owner, now, level=60)
    assert house.recorder.tuning.watch.detector_when_on == "framediff"


@pytest.mark.parametrize("detector", DETECTORS)
async def test_numbers_that_are_cleared_are_gone_and_nothing_else(
    house: House, owner: httpx.AsyncClient, detector: str
) -> None:
    own = {"sensitivity": 62, "label": "cat", "is_fast": True}
    house.recorder.tuning.watch = DetectionSettings.model_validate({"detector": detector, detector: own})
    cleared = await change(owner, await told(owner), numbers={})
    assert cleared.json()["watch"]["numbers"] == {}
    assert house.recorder.tuning.watch.options == {"label": "cat", "is_fast": True}


# --- figures of stored frames, and stamps on what is encoded anyway


async def test_figures_of_a_time_come_with_the_clips_in_it(house: House, owner: httpx.AsyncClient) -> None:
    now_ms = house.clock.now_ms()
    thing = FigureThing((0.1, 0.2, 0.3, 0.4), 61, "person")
    house.recorder.measured = [MotionFigure(now_ms - 5000, 742, 400, moves=True, things=(thing,))]
    house.recorder.index.put_event(Event(EventId("e"), PORCH, "person", now_ms - 6000, now_ms - 4000, 60.0))
    asked = f"/api/v1/cameras/porch/figures?from_ms={now_ms - 10_000}&to_ms={now_ms}"
    told = (await owner.get(asked)).json()
    box = {"box": [0.1, 0.2, 0.3, 0.4], "score": 61, "label": "person"}
    assert told == {
        "title": "Front door",
        "items": [{"at_ms": now_ms - 5000, "number": 742, "level": 400, "things": [box]}],
        "clips": [[now_ms - 11_000, now_ms + 6_000]],
        "pre_s": 5,
        "post_s": 10,
    }
    too_long = f"/api/v1/cameras/porch/figures?from_ms={now_ms - 200_000}&to_ms={now_ms}"
    assert (await owner.get(too_long)).status_code == 400
    assert (await owner.get("/api/v1/cameras/none/figures?from_ms=0&to_ms=1")).status_code == 404


async def test_viewers_of_one_stream_share_their_stamps(house: House) -> None:
    hub = house.recorder.hub(PORCH, StreamName.MAIN)
    assert hub is not None
    first, second = (JpegOptions(640, 2, 75, live_stamps(house.site, PORCH, hub).at) for _ in range(2))
    assert first == second
    unlocked = copy.copy(house.site)
    unlocked.is_unlocked = True
    assert JpegOptions(640, 2, 75, live_stamps(unlocked, PORCH, hub).at) != first
