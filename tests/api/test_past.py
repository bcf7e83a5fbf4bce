import base64
from dataclasses import asdict, replace
from json import loads
from typing import Any
from unittest.mock import Mock

import cv2
import httpx
import numpy as np
import pytest

from tawny.api.auth.accounts import Caller, Role
from tawny.model.damage import DamagedSpan
from tawny.model.events import Event, SeenObject
from tawny.model.geometry import Polygon
from tawny.model.ids import CameraId, EventId
from tawny.model.messages import EventChanged
from tawny.model.segments import Gap, GapEvidence, GapReason
from tawny.model.states import CameraState
from tawny.model.times import utc_from_text
from tawny.service.recorder import CameraView, RecorderWarning
from tests.api.fakes import House
from tests.playback.archives import MAIN, PORCH, SUB

HOUR_MS = 3_600_000


@pytest.fixture
def browser(house: House) -> httpx.AsyncClient:
    return house.signed_in(Role.VIEWER)


async def json(browser: httpx.AsyncClient, path: str) -> dict[str, object]:
    answer = await browser.get(path)
    assert answer.status_code == 200, answer.text
    data = answer.json()
    assert isinstance(data, dict)
    return data


def put_event(house: House, number: int = 0, **about: object) -> Event:
    start_ms = house.clock.now_ms() - 60_000 + number * 1000
    event = Event(EventId(f"event-{number}"), PORCH, "person", start_ms, start_ms + 900, 70.0)
    event = replace(event, **about)  # type: ignore[arg-type]
    house.recorder.index.put_event(event)
    return event


async def test_cameras_tell_their_state(house: House, browser: httpx.AsyncClient) -> None:
    house.recorder.set_state(CameraState.OFFLINE, "It isn't responding.")
    data = await json(browser, "/api/v1/cameras")
    assert isinstance(data["items"], list)
    (camera,) = data["items"]
    assert (camera["id"], camera["name"], camera["state"]) == ("porch", "Front door", "offline")
    assert (camera["detail"], camera["is_phone"]) == ("It isn't responding.", False)


async def test_cameras_say_whether_they_are_phones(house: House, browser: httpx.AsyncClient) -> None:
    house.recorder.listed[0] = replace(house.recorder.listed[0], is_phone=True)
    assert [camera["is_phone"] for camera in (await browser.get("/api/v1/cameras")).json()["items"]] == [True]


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        (CameraState.RECORDING, (True, 1, 1, 0, 0)),
        (CameraState.PAUSED, (True, 0, 0, 1, 0)),
        (CameraState.OFFLINE, (False, 0, 1, 0, 1)),
        (CameraState.STARTING, (True, 0, 1, 0, 0)),
    ],
)
async def test_health_counts_who_is_on_watch(
    house: House, browser: httpx.AsyncClient, state: CameraState, expected: tuple[bool, int, int, int, int]
) -> None:
    house.recorder.set_state(state)
    data = await json(browser, "/api/v1/health")
    assert tuple(data[name] for name in ("ok", "working", "expected", "chosen_off", "trouble")) == expected


async def test_starting_for_long_is_trouble(house: House, browser: httpx.AsyncClient) -> None:
    house.recorder.set_state(CameraState.STARTING)
    house.clock.advance(41)
    assert (await json(browser, "/api/v1/health"))["trouble"] == 1


async def test_a_warning_is_told(house: House, browser: httpx.AsyncClient) -> None:
    house.recorder.warned = [RecorderWarning("The disk is nearly full.", "Free some space.")]
    data = await json(browser, "/api/v1/health")
    assert (data["ok"], data["warnings"]) == (
        False,
        [{"message": "The disk is nearly full.", "hint": "Free some space."}],
    )


@pytest.mark.parametrize(
    ("state", "status"), [(CameraState.RECORDING, 200), (CameraState.OFF, 200), (CameraState.OFFLINE, 503)]
)
async def test_a_monitor_learns_whether_all_record(house: House, state: CameraState, status: int) -> None:
    house.recorder.set_state(state)
    answer = await house.browser().get("/healthz")
    assert (answer.status_code, answer.json()) == (status, {"ok": status == 200})


async def test_time_tells_the_zone_and_its_changes(browser: httpx.AsyncClient) -> None:
    begin, end = utc_from_text("2026-10-24T00:00:00Z"), utc_from_text("2026-10-27T00:00:00Z")
    data = await json(browser, f"/api/v1/time?from_ms={begin}&to_ms={end}")
    change = {"at_ms": utc_from_text("2026-10-25T01:00:00Z"), "before_s": 7200, "after_s": 3600}
    assert (data["zone"], data["offset_s"], data["transitions"]) == ("Europe/Berlin", 7200, [change])


async def test_the_timeline_tells_spans_gaps_events_and_motion(house: House, browser: httpx.AsyncClient) -> None:
    now_ms = house.clock.now_ms()
    segment = house.recorder.record(now_ms - 10_000)
    house.recorder.index.put_gap(Gap(PORCH, now_ms - 6000, None, GapReason.STALLED, "no packets for 5 s"))
    house.recorder.score = {now_ms // 1000 - 9: 44}
    event = put_event(house, objects=(SeenObject("person", 0.9),), picture_ms=now_ms)
    data = await json(browser, f"/api/v1/timeline?cameras=porch&from_ms={now_ms - 60_000}&to_ms={now_ms}&points=600")
    assert isinstance(data["cameras"], list)
    (lane,) = data["cameras"]
    assert lane["spans"] == [[segment.start_ms, segment.end_ms]]
    (gap,) = lane["gaps"]
    assert (gap["words"], gap["tone"], gap["end_ms"]) == ("Video stopped", "warn", None)
    assert lane["events"][0]["snapshot"] == f"/media/{event.id}.jpg"
    assert lane["events"][0]["title"] == "Person · Front door"
    scores = base64.b64decode(lane["motion"]["data"])
    assert scores[now_ms // 1000 - 9 - lane["motion"]["begin_ms"] // 1000] == 44


async def test_a_short_timeline_has_of_events_what_a_lane_shows(house: House, browser: httpx.AsyncClient) -> None:
    event, now_ms = put_event(house, objects=(SeenObject("person", 0.9),)), house.clock.now_ms()
    asked = f"/api/v1/timeline?cameras=porch&from_ms={now_ms - 60_000}&to_ms={now_ms}"
    whole, short = (await browser.get(asked)).json(), (await browser.get(f"{asked}&short=true")).json()
    (whole_lane,), (lane,) = whole["cameras"], short["cameras"]
    ((full,), (few,)) = whole_lane["events"], lane["short_events"]
    assert (whole_lane["short_events"], lane["events"], few["id"]) == ([], [], event.id)
    assert few.items() < full.items()


@pytest.mark.parametrize(("accepted", "coding"), [("gzip, br", "gzip"), ("identity", None), ("gzip;q=0", None)])
async def test_the_timeline_is_compressed_for_who_takes_it(
    house: House, browser: httpx.AsyncClient, accepted: str, coding: str | None
) -> None:
    for number in range(50):
        put_event(house, number)
    now_ms, headers = house.clock.now_ms(), {"Accept-Encoding": accepted}
    asked = f"/api/v1/timeline?from_ms={now_ms - HOUR_MS}&to_ms={now_ms}"
    answer = await browser.get(asked, headers=headers)
    assert (answer.headers.get("content-encoding"), answer.headers["vary"]) == (coding, "Accept-Encoding")
    assert len(answer.json()["cameras"][0]["events"]) == 50
    assert (int(answer.headers["content-length"]) < len(answer.content) / 5) is (coding is not None)


async def test_the_timeline_tells_damage_and_what_gaps_stand_on(house: House, browser: httpx.AsyncClient) -> None:
    now_ms = house.clock.now_ms()
    seen = GapEvidence("busy", now_ms - 7000, now_ms - 6500, 3, 0, 4, "453 Not Enough Bandwidth")
    house.recorder.index.put_gap(Gap(PORCH, now_ms - 6000, None, GapReason.UNREACHABLE, "no place", seen))
    house.recorder.index.put_gap(Gap(PORCH, now_ms - 9000, now_ms - 8000, GapReason.DISK_FULL))
    house.recorder.index.add_damage(DamagedSpan(PORCH, MAIN, now_ms - 5000, now_ms - 3000, 2, 12))
    data = await json(browser, f"/api/v1/timeline?cameras=porch&from_ms={now_ms - 60_000}&to_ms={now_ms}")
    assert isinstance(data["cameras"], list)
    (lane,) = data["cameras"]
    full, busy = lane["gaps"]
    assert full["evidence"] is None
    assert busy["evidence"] == asdict(seen)
    assert lane["damage"] == [
        {
            "begin_ms": now_ms - 5000,
            "end_ms": now_ms - 3000,
            "stream": "main",
            "pictures": 2,
            "packets_missing": 12,
            "words": "Video damaged",
            "detail": "2 frames incomplete, 12 packets lost in transit",
        }
    ]


async def test_damage_of_today_is_counted_of_the_large_picture(house: House, browser: httpx.AsyncClient) -> None:
    now_ms = house.clock.now_ms()
    for stream, begin_ms in ((MAIN, now_ms - 5000), (SUB, now_ms - 5000), (MAIN, now_ms - 3 * 86_400_000)):
        house.recorder.index.add_damage(DamagedSpan(PORCH, stream, begin_ms, begin_ms + 1500, 2, 12))
    data = await json(browser, "/api/v1/health")
    assert isinstance(data["cameras"], list)
    expected = {"spans": 1, "seconds": 1.5, "pictures": 2, "packets_missing": 12}
    assert data["cameras"][0]["damage_today"] == expected


async def test_all_cameras_are_on_the_timeline_when_none_is_named(house: House, browser: httpx.AsyncClient) -> None:
    data = await json(browser, "/api/v1/timeline?from_ms=1000&to_ms=2000")
    assert isinstance(data["cameras"], list)
    assert [lane["id"] for lane in data["cameras"]] == ["porch"]


async def test_a_day_of_25_hours_is_one_day(house: House, browser: httpx.AsyncClient) -> None:
    begin = utc_from_text("2026-10-24T22:00:00Z")
    data = await json(browser, f"/api/v1/days?camera=porch&from_ms={begin}&to_ms={begin + 25 * HOUR_MS}")
    assert data["days"] == [{"begin_ms": begin, "recorded_s": 0, "gaps": 0}]


async def test_play_tells_what_to_fetch(house: House, browser: httpx.AsyncClient) -> None:
    now_ms = house.clock.now_ms()
    first = house.recorder.record(now_ms - 8000, audio="pcmu")
    house.recorder.record(now_ms - 4000, audio="pcmu", is_open=True)
    data = await json(browser, f"/api/v1/cameras/porch/play?at_ms={now_ms - 7000}")
    assert isinstance(data["items"], list)
    items = data["items"]
    assert [item["open"] for item in items] == [False, True]
    assert (items[0]["url"], items[0]["audio"]) == (f"/media/{first.id}/play", "mp4a.40.2")
    answer = await browser.get(items[1]["url"], params={"from_ms": now_ms - 2500})
    assert answer.headers["content-type"] == "video/mp4"
    assert answer.headers["x-start-ms"] == str(now_ms - 4000)
    assert answer.headers["x-codecs"] == f"{items[1]['video']},{items[1]['audio']}"


async def test_the_video_of_an_instant_is_given_at_once(house: House, browser: httpx.AsyncClient) -> None:
    now_ms = house.clock.now_ms()
    house.recorder.record(now_ms - 8000)
    answer = await browser.get(f"/api/v1/cameras/porch/play?at_ms={now_ms - 7000}")
    piece = answer.json()["items"][0]
    whole = await browser.get(piece["url"], params={"from_ms": now_ms - 7000})
    at_once = await browser.get(f"/api/v1/cameras/porch/from?at_ms={now_ms - 7000}")
    assert (at_once.content, at_once.headers["x-start-ms"]) == (whole.content, whole.headers["x-start-ms"])
    assert loads(at_once.headers["x-piece"]) == piece
    nothing = f"?at_ms={now_ms - 15_000_000}"
    answer = await browser.get(f"/api/v1/cameras/porch/play{nothing}")
    assert (await browser.get(f"/api/v1/cameras/porch/from{nothing}")).json() == answer.json()


async def test_a_past_span_is_a_playlist_for_any_player(house: House, browser: httpx.AsyncClient) -> None:
    """SC22."""
    now_ms = house.clock.now_ms()
    house.recorder.record(now_ms - 8000)
    house.recorder.record(now_ms - 4000)
    address = f"/api/v1/cameras/porch/hls/past.m3u8?from_ms={now_ms - 8000}&to_ms={now_ms}"
    answer = await browser.get(address)
    assert answer.headers["content-type"].startswith("application/vnd.apple.mpegurl")
    uris = [line for line in answer.text.splitlines() if not line.startswith("#")]
    assert len(uris) == 2
    assert answer.text.endswith("#EXT-X-ENDLIST\n")
    piece = await browser.get(f"/api/v1/cameras/porch/hls/{uris[1]}")
    assert (piece.status_code, piece.headers["content-type"]) == (200, "video/iso.segment")
    assert piece.content[4:8] == b"moof"
    header = answer.text.partition('URI="')[2].partition('"')[0]
    assert (await browser.get(f"/api/v1/cameras/porch/hls/{header}")).content[4:8] == b"ftyp"
    other = f"/api/v1/cameras/yard/hls/{uris[1]}"
    assert (await browser.get(other)).status_code == 404
    assert (await browser.get(address.replace(str(now_ms), str(now_ms + 90_000_000)))).status_code == 400
    assert (await browser.get(address.replace("porch", "moon"))).status_code == 404


async def test_a_past_span_of_a_masked_camera_is_no_playlist(house: House, browser: httpx.AsyncClient) -> None:
    """Other players don't draw the masks."""
    now_ms = house.clock.now_ms()
    segment = house.recorder.record(now_ms - 8000)
    house.recorder.hidden = (Polygon.of([(0, 0), (1, 0), (1, 1)]),)
    for path in (f"past.m3u8?from_ms={now_ms - 8000}&to_ms={now_ms}", f"past/{segment.id}/0-0-1.m4s"):
        answer = await browser.get(f"/api/v1/cameras/porch/hls/{path}")
        assert answer.status_code == 400
        assert "privacy masks" in answer.text


async def test_a_past_span_without_video_is_told(house: House, browser: httpx.AsyncClient) -> None:
    house.recorder.record(house.clock.now_ms() - 8000)
    answer = await browser.get("/api/v1/cameras/porch/hls/past.m3u8?from_ms=1000&to_ms=2000")
    assert (answer.status_code, "There is no video" in answer.text) == (404, True)


async def test_play_in_a_gap_says_why_and_where_it_goes_on(house: House, browser: httpx.AsyncClient) -> None:
    now_ms = house.clock.now_ms()
    house.recorder.record(now_ms - 8000)
    house.recorder.index.put_gap(Gap(PORCH, now_ms - 20_000, now_ms - 8000, GapReason.RECORDER_OFF, "power"))
    data = await json(browser, f"/api/v1/cameras/porch/play?at_ms={now_ms - 15_000}")
    assert (data["items"], data["next_ms"], data["last_ms"]) == ([], now_ms - 8000, None)
    assert isinstance(data["gap"], dict)
    assert data["gap"]["words"] == "tawny wasn't running: power cut"


async def test_play_after_a_recording_says_where_that_ended(house: House, browser: httpx.AsyncClient) -> None:
    now_ms = house.clock.now_ms()
    made = house.recorder.record(now_ms - 60_000)
    data = await json(browser, f"/api/v1/cameras/porch/play?at_ms={now_ms - 15_000}")
    assert (data["items"], data["last_ms"]) == ([], made.end_ms)
    data = await json(browser, f"/api/v1/cameras/porch/play?at_ms={made.start_ms}")
    assert (bool(data["items"]), data["last_ms"]) == (True, None)


async def test_a_preview_can_be_kept_by_the_browser(house: House, browser: httpx.AsyncClient) -> None:
    now_ms = house.clock.now_ms()
    house.recorder.record(now_ms - 8000, stream=SUB)
    answer = await browser.get(f"/api/v1/cameras/porch/frame?at_ms={now_ms - 6500}&width=320")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "image/jpeg")
    assert answer.headers["cache-control"].startswith("private")
    assert answer.headers["vary"] == "Cookie", "a browser shows its copy only to who is signed in"
    assert answer.content.startswith(b"\xff\xd8")


async def test_no_preview_is_told(browser: httpx.AsyncClient) -> None:
    answer = await browser.get("/api/v1/cameras/porch/frame?at_ms=1000")
    assert (answer.status_code, answer.json()["code"]) == (404, "no_picture")


async def test_a_clip_is_saved_under_the_cameras_name_and_local_time(house: House, browser: httpx.AsyncClient) -> None:
    now_ms = house.clock.now_ms()
    house.recorder.record(now_ms - 8000)
    answer = await browser.get(f"/api/v1/clip?camera=porch&from_ms={now_ms - 7000}&to_ms={now_ms - 5000}")
    assert answer.headers["content-length"] == str(len(answer.content))
    assert 'filename="Front door 2026-11-20 05.59.53.mp4"' in answer.headers["content-disposition"]
    assert house.accounts.audit()[0].action == "clip"


@pytest.mark.parametrize(
    ("more", "status", "is_noted"),
    [
        ({"Range": "bytes=1-", "If-Range": '"old"'}, 200, True),
        ({"Range": "bytes=5-9,20-29"}, 200, True),
        ({"Range": "bytes=0-"}, 206, True),
        ({"Range": "bytes=2000-"}, 206, False),
    ],
)
async def test_each_download_of_a_whole_clip_is_in_the_audit_log(
    house: House, browser: httpx.AsyncClient, more: dict[str, str], status: int, is_noted: bool
) -> None:
    now_ms = house.clock.now_ms()
    house.recorder.record(now_ms - 20_000, seconds=10)
    path = f"/api/v1/clip?camera=porch&from_ms={now_ms - 18_000}&to_ms={now_ms - 12_000}"
    answer = await browser.get(path, headers=more)
    assert answer.status_code == status
    assert ("clip" in [line.action for line in house.accounts.audit()]) is is_noted


async def test_a_clip_is_served_in_parts(house: House, browser: httpx.AsyncClient) -> None:
    now_ms = house.clock.now_ms()
    house.recorder.record(now_ms - 8000)
    url = f"/api/v1/clip?camera=porch&from_ms={now_ms - 8000}&to_ms={now_ms - 4000}"
    whole = await browser.get(url)
    part = await browser.get(url, headers={"Range": "bytes=100-199"})
    assert (part.status_code, part.content) == (206, whole.content[100:200])
    assert part.headers["content-range"] == f"bytes 100-199/{len(whole.content)}"
    head = await browser.head(url)
    assert (head.content, head.headers["content-length"]) == (b"", str(len(whole.content)))
    beyond = await browser.get(url, headers={"Range": f"bytes={len(whole.content)}-"})
    assert (beyond.status_code, beyond.headers["content-range"]) == (416, f"bytes */{len(whole.content)}")
    for tag in (whole.headers["etag"], f'"other", W/{whole.headers["etag"]}'):  # as proxies that compress change it
        known = await browser.get(url, headers={"If-None-Match": tag})
        assert known.status_code == 304


async def test_a_part_that_a_clip_lacks_is_refused_in_words(house: House, browser: httpx.AsyncClient) -> None:
    now_ms = house.clock.now_ms()
    house.recorder.record(now_ms - 8000)
    url = f"/api/v1/clip?camera=porch&from_ms={now_ms - 8000}&to_ms={now_ms - 4000}"
    answer = await browser.get(url, headers={"Range": "bytes=999999999-"})
    assert (answer.status_code, answer.json()["code"]) == (416, "bad_range")
    assert answer.json()["message"] and answer.json()["hint"]


async def test_a_clip_of_nothing_is_told(house: House, browser: httpx.AsyncClient) -> None:
    answer = await browser.get("/api/v1/clip?camera=porch&from_ms=1000&to_ms=2000")
    assert (answer.status_code, answer.json()["code"]) == (404, "nothing_recorded")


async def test_an_events_clip_has_what_was_before_and_after(house: House, browser: httpx.AsyncClient) -> None:
    event = put_event(house)
    house.recorder.record(event.start_ms - 10_000, seconds=30)
    house.recorder.listed[0] = replace(house.recorder.listed[0], pre_s=2.0, post_s=3.0)
    answer = await browser.get(f"/media/{event.id}.mp4")
    assert answer.headers["x-start-ms"] == str(event.start_ms - 2000)
    assert answer.headers["accept-ranges"] == "bytes"


async def test_an_events_clip_is_saved_under_its_camera_and_time_and_played_without(
    house: House, browser: httpx.AsyncClient
) -> None:
    event = put_event(house)
    house.recorder.record(event.start_ms - 5_000, seconds=20)
    timeline = f"/api/v1/clip?camera={event.camera}&from_ms={event.start_ms}&to_ms={event.start_ms + 2_000}"
    saved = await browser.get(f"/media/{event.id}.mp4?save=1")
    assert saved.headers["content-disposition"] == (await browser.get(timeline)).headers["content-disposition"]
    assert "content-disposition" not in (await browser.get(f"/media/{event.id}.mp4")).headers


async def test_an_events_clip_stays_as_it_is_while_more_is_recorded(house: House, browser: httpx.AsyncClient) -> None:
    event = put_event(house)
    house.recorder.record(event.start_ms - 5_000, seconds=8)
    url = f"/media/{event.id}.mp4?to_ms={event.start_ms + 2_000}"
    first = await browser.get(url)
    house.recorder.record(event.start_ms + 3_000, seconds=8)
    assert (await browser.get(url)).headers["etag"] == first.headers["etag"]
    assert (await browser.get(url.split("?")[0])).headers["etag"] != first.headers["etag"]


async def test_an_events_picture(house: House, browser: httpx.AsyncClient) -> None:
    event = put_event(house, picture_ms=1)
    assert (await browser.get(f"/media/{event.id}.jpg")).status_code == 404
    house.recorder.event_pictures[event.id] = b"\xff\xd8jpeg"
    assert (await browser.get(f"/media/{event.id}.jpg")).content == b"\xff\xd8jpeg"


async def test_an_events_picture_can_show_the_object_alone(house: House, browser: httpx.AsyncClient) -> None:
    event = put_event(house, picture_ms=1, box=(0.48, 0.5, 0.5, 0.56))
    whole = bytes(cv2.imencode(".jpg", np.full((540, 960, 3), 110, np.uint8))[1].tobytes())
    house.recorder.event_pictures[event.id] = whole
    sizes = {}
    for show in ("full", "box", "closeup"):
        answer = await browser.get(f"/media/{event.id}.jpg?show={show}")
        found: Any = cv2.imdecode(np.frombuffer(answer.content, np.uint8), cv2.IMREAD_COLOR)
        sizes[show] = found.shape[:2]
    assert sizes == {"full": (540, 960), "box": (540, 960), "closeup": (270, 480)}
    assert (await browser.get(f"/media/{event.id}.jpg?show=nothing")).status_code == 422


async def test_events_come_newest_first_a_page_at_a_time(house: House, browser: httpx.AsyncClient) -> None:
    made = [put_event(house, number, reviewed=number < 2).id for number in range(5)]
    first = await json(browser, "/api/v1/events?limit=3")
    assert isinstance(first["items"], list)
    assert [item["id"] for item in first["items"]] == made[:1:-1]
    assert first["new"] == 3
    second = await json(browser, f"/api/v1/events?limit=3&after={first['next']}")
    assert isinstance(second["items"], list)
    assert ([item["id"] for item in second["items"]], second["next"]) == (made[1::-1], None)


async def test_events_can_be_chosen(house: House, browser: httpx.AsyncClient) -> None:
    kept = put_event(house, 0, kept=True, kind="animal")
    put_event(house, 1)
    for query in ("only=kept", "types=animal,sound", f"to_ms={kept.end_ms}"):
        data = await json(browser, f"/api/v1/events?{query}")
        assert isinstance(data["items"], list)
        assert [item["id"] for item in data["items"]] == [kept.id]


async def test_a_former_name_of_a_condition_is_refused(house: House, browser: httpx.AsyncClient) -> None:
    put_event(house, 0)
    refused = await browser.get("/api/v1/events?kinds=person")
    assert (refused.status_code, refused.json()["code"]) == (400, "bad_input")
    assert refused.json()["message"] == "`kinds` is now `types`."
    assert (await browser.get("/api/v1/events?nonsense=1")).status_code == 200


async def test_events_have_levels(house: House, browser: httpx.AsyncClient) -> None:
    alert, motion = put_event(house, 0, kind="person"), put_event(house, 1, kind="motion", reviewed=True)
    detection = put_event(house, 2, kind="animal")
    answers = {
        "": ([detection, motion, alert], 2),
        "levels=alert": ([alert], 1),
        "levels=detection,motion": ([detection, motion], 1),
        "levels=motion": ([motion], 0),
    }
    for query, (listed, new) in answers.items():
        data = await json(browser, f"/api/v1/events?{query}")
        assert isinstance(data["items"], list)
        assert [item["id"] for item in data["items"]] == [one.id for one in listed]
        assert (data["new"], data["new_alerts"]) == (new, 1)
    assert (await json(browser, f"/api/v1/events/{alert.id}"))["level"] == "alert"
    assert (await browser.get("/api/v1/events?levels=urgent")).status_code == 422


async def test_events_are_joined_to_visits(house: House, browser: httpx.AsyncClient) -> None:
    first = put_event(house, 0, kind="person", reviewed=True)
    index = house.recorder.index
    index.put_event(second := replace(first, id=EventId("second"), start_ms=first.start_ms + 2000, reviewed=False))
    data = await json(browser, "/api/v1/visits")
    assert isinstance(data["items"], list)
    (visit,) = data["items"]
    assert (visit["id"], visit["level"], visit["new"], data["next"]) == (first.id, "alert", 1, None)
    assert [one["id"] for one in visit["events"]] == [first.id, second.id]
    assert visit["cameras"] == [first.camera]
    assert visit["title"] == "Person at Front door"
    assert (await json(browser, "/api/v1/visits?only=new&levels=alert"))["items"] == [visit]
    for query in ("levels=motion", "types=animal", f"to_ms={first.start_ms}", "only=kept"):
        assert (await json(browser, f"/api/v1/visits?{query}"))["items"] == []
    for event in (first.id, "second"):
        assert await json(browser, f"/api/v1/events/{event}/visit") == visit
    assert (await browser.get("/api/v1/events/none/visit")).status_code == 404
    assert (await browser.get("/api/v1/visits?from_ms=5&to_ms=5")).status_code == 400


async def test_what_is_new_is_counted_by_visits(house: House, browser: httpx.AsyncClient) -> None:
    first = put_event(house, 0, kind="person")
    house.recorder.index.put_event(replace(first, id=EventId("second"), start_ms=first.start_ms + 2000))
    for number in range(3):
        put_event(house, 40 + number, kind="motion")
    put_event(house, 20, kind="animal", reviewed=True)
    data = await json(browser, "/api/v1/visits/new")
    assert data == {"alerts": 1, "detections": 0, "motion": 1}
    await house.signed_in().post("/api/v1/events/bulk", json={"ids": [first.id, "second"], "reviewed": True})
    assert (await json(browser, "/api/v1/visits/new"))["alerts"] == 0


async def test_new_visits_are_not_counted_again_for_each_page(
    house: House, browser: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_event(house, 0, kind="person")
    data = await json(browser, "/api/v1/visits/new")
    monkeypatch.setattr(house.recorder.index, "events", Mock(side_effect=AssertionError))
    assert await json(browser, "/api/v1/visits/new") == data


async def test_an_event_that_comes_between_two_pages_is_counted(house: House, browser: httpx.AsyncClient) -> None:
    assert (await json(browser, "/api/v1/visits/new"))["alerts"] == 0
    house.recorder.bus.publish(EventChanged("started", put_event(house, 0, kind="person")))
    assert (await json(browser, "/api/v1/visits/new"))["alerts"] == 1


async def test_visit_holds_only_events_of_cameras_that_somebody_may_see(house: House) -> None:
    shown = put_event(house, 0, kind="person")
    hidden = replace(shown, id=EventId("hidden"), camera=CameraId("yard"))
    house.recorder.index.put_event(hidden)
    house.recorder.near = frozenset({frozenset({shown.camera, hidden.camera})})
    data = await json(house.signed_in(Role.OWNER), "/api/v1/visits")
    assert isinstance(data["items"], list)
    assert [len(one["events"]) for one in data["items"]] == [2]
    person = house.accounts.put_person("Ben", Role.VIEWER)
    house.accounts.change_person(person, Role.VIEWER, [shown.camera])
    guest = house.browser(house.accounts.begin_session(person, Caller("127.0.0.1")))
    data = await json(guest, "/api/v1/visits")
    assert isinstance(data["items"], list)
    (one,) = data["items"]
    assert ([each["id"] for each in one["events"]], one["cameras"]) == ([shown.id], [shown.camera])


async def test_an_event_is_kept_and_reviewed(house: House) -> None:
    event, browser = put_event(house), house.signed_in(Role.MEMBER)
    answer = await browser.patch(f"/api/v1/events/{event.id}", json={"kept": True})
    assert (answer.json()["kept"], answer.json()["reviewed"]) == (True, False)
    await browser.patch(f"/api/v1/events/{event.id}", json={"reviewed": True})
    found = house.recorder.index.event(event.id)
    assert found
    assert (found.kept, found.reviewed) == (True, True)


async def test_many_events_are_marked_at_once(house: House) -> None:
    browser = house.signed_in(Role.MEMBER)
    ids = [put_event(house, number).id for number in range(3)]
    answer = await browser.post("/api/v1/events/bulk", json={"ids": [*ids, "gone"], "reviewed": True})
    assert [item["reviewed"] for item in answer.json()["items"]] == [True] * 3


async def test_an_event_that_lasts_has_no_end(house: House, browser: httpx.AsyncClient) -> None:
    event = put_event(house, end_ms=None)
    data = await json(browser, f"/api/v1/events/{event.id}")
    assert (data["end"], data["end_ms"]) == (None, None)
    assert str(data["start"]).endswith("Z")


async def test_the_shown_picture_can_be_had_in_full_size(house: House) -> None:
    start_ms = house.clock.now_ms() - 30_000
    house.recorder.record(start_ms, seconds=10)
    viewer = house.signed_in(Role.VIEWER)
    answer = await viewer.get(f"/api/v1/cameras/porch/picture?at_ms={start_ms + 4350}")
    picture = cv2.imdecode(np.frombuffer(answer.content, np.uint8), cv2.IMREAD_COLOR)
    assert picture is not None
    assert picture.shape == (64, 96, 3)
    assert picture.mean() == pytest.approx(2 * 43 * 255 / 219, abs=4)  # the very one, between two keyframes
    assert answer.headers["x-at-ms"] == str(start_ms + 4300)
    assert answer.headers["content-disposition"].endswith(".jpg")
    nothing = await viewer.get(f"/api/v1/cameras/porch/picture?at_ms={start_ms - 60_000}")
    assert nothing.status_code == 404


@pytest.mark.parametrize("path", ["events?limit=60", "timeline?from_ms={0}&to_ms={1}", "find?q=person"])
async def test_names_of_cameras_do_not_build_their_status(
    house: House, browser: httpx.AsyncClient, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A status is built from the ring buffer of the last seconds: none is, for however many events."""
    for number in range(50):
        put_event(house, number)
    built: list[str] = []

    def cameras() -> list[CameraView]:
        built.append("status")
        return house.recorder.listed

    monkeypatch.setattr(house.recorder, "cameras", cameras)
    now_ms = house.clock.now_ms()
    answer = await browser.get(f"/api/v1/{path}".format(now_ms - HOUR_MS, now_ms))
    assert answer.status_code == 200, answer.text
    assert "Front door" in answer.text
    assert built == []
