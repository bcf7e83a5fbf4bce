import io
from dataclasses import replace
from datetime import UTC, datetime

import av
import httpx
import pytest

from tawny.api.auth.accounts import Caller, Role
from tawny.model.events import Event
from tawny.model.geometry import Polygon
from tawny.model.ids import EventId
from tawny.model.times import Span
from tests.api.fakes import House
from tests.playback.archives import PORCH, SUB

HOUR_S = 3600


@pytest.fixture
def viewer(house: House) -> httpx.AsyncClient:
    return house.signed_in(Role.VIEWER)


async def shared(house: House, viewer: httpx.AsyncClient, **about: object) -> dict[str, object]:
    now_ms = house.clock.now_ms()
    house.recorder.record(now_ms - 20_000, seconds=10)
    asked = {"camera": "porch", "from_ms": now_ms - 18_000, "to_ms": now_ms - 12_000} | about
    answer = await viewer.post("/api/v1/shares", json=asked)
    assert answer.status_code == 200, answer.text
    made = answer.json()
    assert isinstance(made, dict)
    return made


async def opened(house: House, made: dict[str, object], code: str = "") -> httpx.Response:
    """By somebody who has the link, and nothing else."""
    token = str(made["link"]).removeprefix("/s/")
    return await house.browser().post(f"/api/v1/shared/{token}", json={"code": code})


async def test_who_has_the_link_sees_that_clip(house: House, viewer: httpx.AsyncClient) -> None:
    seen = (await opened(house, await shared(house, viewer))).json()
    video = await house.browser().get(seen["video"])
    assert (video.status_code, video.headers["content-type"]) == (200, "video/mp4")
    assert video.content[4:8] == b"ftyp"


@pytest.mark.parametrize("save", ["", "&save=1"])
async def test_a_link_gives_nothing_from_before_its_start(house: House, viewer: httpx.AsyncClient, save: str) -> None:
    now_ms = house.clock.now_ms()
    made = await shared(house, viewer, from_ms=now_ms - 17_500, to_ms=now_ms - 15_500)
    video = await house.browser().get((await opened(house, made)).json()["video"] + save)
    with av.open(io.BytesIO(video.content), "r", options={"ignore_editlist": "1"}) as film:
        assert sum(packet.size > 0 for packet in film.demux(video=0)) == 20


async def test_each_time_is_told_with_the_recorders_offset_then(house: House, viewer: httpx.AsyncClient) -> None:
    house.clock.jump_utc(datetime(2026, 10, 24, 10, tzinfo=UTC).timestamp() - house.clock.now_ms() / 1000)
    seen = (await opened(house, await shared(house, viewer, lasts_s=48 * HOUR_S))).json()
    assert (seen["offset_s"], seen["ends_offset_s"]) == (7200, 3600)


async def test_the_cameras_name_is_told_only_if_wanted(house: House, viewer: httpx.AsyncClient) -> None:
    hidden = await opened(house, await shared(house, viewer))
    named = await opened(house, await shared(house, viewer, names_camera=True))
    assert (hidden.json()["camera"], named.json()["camera"]) == (None, "Front door")
    assert "porch" not in hidden.text and "Front door" not in hidden.text
    saved = await house.browser().get(hidden.json()["video"] + "&save=1")
    assert "Front" not in saved.headers["content-disposition"]


async def test_a_ticket_opens_nothing_else(house: House, viewer: httpx.AsyncClient) -> None:
    ticket = (await opened(house, await shared(house, viewer))).json()["video"].partition("ticket=")[2]
    for path in ("/api/v1/cameras", "/api/v1/events", "/api/v1/cameras/porch/snapshot"):
        answer = await house.browser().get(path, params={"ticket": ticket, "pass": ticket})
        assert answer.status_code == 401


async def test_a_code_is_asked_for(house: House, viewer: httpx.AsyncClient) -> None:
    made = await shared(house, viewer, code="magpie")
    codes = [(await opened(house, made, code)).json().get("code") for code in ("", "jackdaw", "magpie")]
    assert codes == ["code_needed", "wrong_code", None]


async def test_a_code_is_never_lost_to_spaces(house: House, viewer: httpx.AsyncClient) -> None:
    made = await shared(house, viewer, code=" magpie ")
    assert (await opened(house, made, "magpie")).status_code == 200
    for blank in ("       ", "  abc  "):
        answer = await viewer.post("/api/v1/shares", json={"camera": "porch", "from_ms": 0, "to_ms": 1, "code": blank})
        assert (answer.status_code, answer.json()["code"]) == (422, "bad_input")


async def test_who_guesses_a_code_must_wait(house: House, viewer: httpx.AsyncClient) -> None:
    made = await shared(house, viewer, code="magpie")
    for _ in range(5):
        await opened(house, made, "jackdaw")
    answer = await opened(house, made, "magpie")
    assert (answer.status_code, answer.json()["code"]) == (429, "wait")


async def test_a_link_ends_by_itself(house: House, viewer: httpx.AsyncClient) -> None:
    made = await shared(house, viewer, lasts_s=HOUR_S)
    video = (await opened(house, made)).json()["video"]
    house.clock.advance(HOUR_S)
    assert (await opened(house, made)).json()["message"] == "This link is no longer valid."
    ended = await house.browser().get(video)
    assert (ended.status_code, b"ftyp" in ended.content) == (410, False)


async def test_a_link_that_is_taken_back_shows_nothing(house: House, viewer: httpx.AsyncClient) -> None:
    made = await shared(house, viewer)
    video = (await opened(house, made)).json()["video"]
    assert isinstance(made["share"], dict)
    assert (await viewer.delete(f"/api/v1/shares/{made['share']['id']}")).status_code == 200
    assert (await opened(house, made)).status_code == 410
    assert (await house.browser().get(video)).status_code == 410


async def test_openings_are_counted(house: House, viewer: httpx.AsyncClient) -> None:
    made = await shared(house, viewer)
    await opened(house, made)
    await opened(house, made)
    (listed,) = (await viewer.get("/api/v1/shares")).json()["items"]
    assert listed["opened"] == 2


async def test_a_page_that_opens_a_link_again_is_counted_once(house: House, viewer: httpx.AsyncClient) -> None:
    token = str((await shared(house, viewer))["link"]).removeprefix("/s/")
    pages = [{"Idempotency-Key": '"1"'}, {"Idempotency-Key": '"1"'}, {"Idempotency-Key": '"2"'}]
    for page in pages:
        assert (await house.browser().post(f"/api/v1/shared/{token}", json={}, headers=page)).status_code == 200
    (listed,) = (await viewer.get("/api/v1/shares")).json()["items"]
    assert listed["opened"] == 2


async def test_a_link_whose_recordings_were_deleted_has_ended(house: House, viewer: httpx.AsyncClient) -> None:
    made = await shared(house, viewer)
    house.clock.advance(120)
    assert (await opened(house, made)).status_code == 200
    house.recorder.index.drop_segments(house.recorder.index.segments(PORCH, None, Span(0, house.clock.now_ms())))
    assert (await viewer.get("/api/v1/shares")).json()["items"] == []
    assert (await opened(house, made)).json()["code"] == "share_ended"
    house.recorder.record(house.clock.now_ms() - 140_000, seconds=10)
    (listed,) = (await viewer.get("/api/v1/shares")).json()["items"]
    assert listed["opened"] == 1, "what shows nothing isn't counted"


@pytest.mark.parametrize("is_open", [False, True])
async def test_a_link_is_listed_while_any_of_its_time_is_recorded(
    house: House, viewer: httpx.AsyncClient, *, is_open: bool
) -> None:
    made = await shared(house, viewer)
    house.clock.advance(120)
    (segment,) = house.recorder.index.segments(PORCH, None, Span(0, house.clock.now_ms()))
    house.recorder.index.drop_segments([segment])
    house.recorder.record(segment.start_ms + 5000, seconds=2, stream=SUB, is_open=is_open)
    assert len((await viewer.get("/api/v1/shares")).json()["items"]) == 1
    assert (await opened(house, made)).status_code == 200


async def test_viewers_see_and_end_their_own_links_owners_all(house: House, viewer: httpx.AsyncClient) -> None:
    made = await shared(house, viewer)
    assert isinstance(made["share"], dict)
    other, owner = house.signed_in(Role.VIEWER), house.signed_in(Role.OWNER)
    path = f"/api/v1/shares/{made['share']['id']}"
    assert (await other.get("/api/v1/shares")).json()["items"] == []
    assert (await other.delete(path)).status_code == 404
    assert (await owner.delete(path)).status_code == 200


async def test_an_event_is_shared_as_its_clip_with_the_cameras_own_time_around(
    house: House, viewer: httpx.AsyncClient
) -> None:
    start_ms = house.clock.now_ms() - 40_000
    house.recorder.record(start_ms - 25_000, seconds=60)
    house.recorder.index.put_event(Event(EventId("visit"), PORCH, "person", start_ms, start_ms + 2_000, 70.0))
    house.recorder.listed[0] = replace(house.recorder.listed[0], pre_s=20.0, post_s=3.0)
    asked = {"camera": "porch", "from_ms": start_ms, "to_ms": start_ms + 2_000, "event": "visit"}
    made = (await viewer.post("/api/v1/shares", json=asked)).json()["share"]
    assert (made["from_ms"], made["to_ms"]) == (start_ms - 20_000, start_ms + 5_000)
    unknown = await viewer.post("/api/v1/shares", json=asked | {"event": "gone"})
    assert unknown.status_code == 404


async def test_only_what_one_may_see_can_be_shared(house: House) -> None:
    person = house.accounts.put_person("Ben", Role.VIEWER)
    house.accounts.change_person(person, Role.VIEWER, [])
    ben = house.browser(house.accounts.begin_session(person, Caller("127.0.0.1")))
    now_ms = house.clock.now_ms()
    house.recorder.record(now_ms - 20_000)
    asked = {"camera": "porch", "from_ms": now_ms - 18_000, "to_ms": now_ms - 12_000}
    assert (await ben.post("/api/v1/shares", json=asked)).status_code == 404


async def test_what_is_not_recorded_yet_cannot_be_shared(house: House, viewer: httpx.AsyncClient) -> None:
    now_ms = house.clock.now_ms()
    house.recorder.record(now_ms - 20_000, seconds=10)
    answers = []
    for ahead_ms in (3_000, 60_000):
        asked = {"camera": "porch", "from_ms": now_ms - 18_000, "to_ms": now_ms + ahead_ms}
        answers.append(await viewer.post("/api/v1/shares", json=asked))
    assert [answer.status_code for answer in answers] == [200, 400]
    assert answers[1].json()["message"] == "The end hasn't come yet."


async def test_what_a_link_could_not_show_is_refused(house: House, viewer: httpx.AsyncClient) -> None:
    now_ms = house.clock.now_ms()
    house.recorder.record(now_ms - 400_000, seconds=10)

    async def answer(begin_s: int, end_s: int) -> httpx.Response:
        asked = {"camera": "porch", "from_ms": now_ms - begin_s * 1000, "to_ms": now_ms - end_s * 1000}
        return await viewer.post("/api/v1/shares", json=asked)

    never = await answer(300, 200)
    assert (never.status_code, never.json()["message"]) == (404, "There is no video in this time.")
    assert (await answer(20, 0)).status_code == 200, "it may be recorded now"
    assert (await answer(400, 0)).status_code == 200
    house.recorder.hidden = (Polygon.of([(0, 0), (0.5, 0), (0.5, 1)]),)
    masked = await answer(400, 0)
    assert (masked.status_code, masked.json()["hint"]) == (400, "Choose a shorter time.")
    assert (await answer(400, 200)).status_code == 200


async def test_the_hour_that_occurs_twice_is_marked_in_the_name_of_a_download(
    house: House, viewer: httpx.AsyncClient
) -> None:
    house.clock.jump_utc(datetime(2026, 10, 25, 1, 30, tzinfo=UTC).timestamp() - house.clock.now_ms() / 1000)
    seen = (await opened(house, await shared(house, viewer))).json()
    saved = await house.browser().get(seen["video"] + "&save=1")
    assert 'filename="Clip 2026-10-25 02B.29.42.mp4"' in saved.headers["content-disposition"]
