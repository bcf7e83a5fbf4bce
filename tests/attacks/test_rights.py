"""What an account left behind when it was removed or lost a camera, and what viewers can change: each as an attack."""

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from starlette.requests import Request

from tawny.api.auth.access import refuse_ended
from tawny.api.auth.accounts import Account, Caller, Role
from tawny.api.errors import RequestRefused
from tawny.api.past.clip_jobs import ClipJobState
from tawny.model.events import Event
from tawny.model.ids import CameraId, EventId
from tests.api.fakes import House, make_house
from tests.playback.archives import PORCH

YARD = CameraId("yard")
HERE = Caller("127.0.0.1")


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    made = make_house(tmp_path)
    made.accounts.put_person("Anna", Role.OWNER)
    made.recorder.record(made.clock.now_ms() - 20_000, seconds=10)
    yield made
    made.accounts.close()


def sign_in(house: House, name: str, role: Role, cameras: list[CameraId] | None = None) -> httpx.AsyncClient:
    person = house.accounts.change_person(house.accounts.put_person(name, role), role, cameras)
    return house.browser(house.accounts.begin_session(person, HERE))


def account(house: House, name: str) -> Account:
    found = house.accounts.find(name)
    assert found
    return found[0]


def span(house: House) -> dict[str, int]:
    now_ms = house.clock.now_ms()
    return {"from_ms": now_ms - 18_000, "to_ms": now_ms - 14_000}


async def shared_video(house: House, browser: httpx.AsyncClient, **about: object) -> tuple[str, str]:
    """Create a link. Return its path, and that of its video."""
    answer = await browser.post("/api/v1/shares", json={"camera": "porch", **span(house), **about})
    assert answer.status_code == 200, answer.text
    link = "/api/v1/shared/" + answer.json()["link"].removeprefix("/s/")
    video = (await house.browser().post(link, json={})).json()["video"]
    assert (await house.browser().get(video)).status_code == 200
    return link, video


@pytest.mark.parametrize("is_removed", [True, False])
async def test_links_of_someone_who_lost_access_show_nothing(house: House, is_removed: bool) -> None:
    """Ten links made shortly before, for four weeks each: all of them played on."""
    eve = sign_in(house, "Eve", Role.VIEWER, [PORCH])
    made = [await shared_video(house, eve, lasts_s=4 * 7 * 86_400) for _ in range(10)]
    if is_removed:
        house.accounts.remove_person(account(house, "Eve"))
    else:
        house.accounts.change_person(account(house, "Eve"), Role.VIEWER, [YARD])
    opened = [(await house.browser().post(link, json={})).status_code for link, _ in made]
    played = [(await house.browser().get(video)).status_code for _, video in made]
    assert (opened, played) == ([410] * 10, [410] * 10)
    assert (await house.signed_in().get("/api/v1/shares")).json()["items"] == []


async def test_a_link_to_a_saved_clip_ends_with_its_maker(house: House) -> None:
    eve = sign_in(house, "Eve", Role.VIEWER, [PORCH])
    made = (await eve.post("/api/v1/clips", json={"cameras": ["porch"], **span(house)})).json()["items"][0]
    assert house.site.jobs.work()
    link, video = await shared_video(house, eve, clip=made["id"])
    house.accounts.change_person(account(house, "Eve"), Role.VIEWER, [YARD])
    assert (await house.browser().post(link, json={})).status_code == 410
    assert (await house.browser().get(video)).status_code == 410
    assert (await house.signed_in().get(f"/media/clips/{made['id']}")).status_code == 200, "the owner's own right"


async def test_the_access_token_of_a_removed_owner_shows_nothing(house: House) -> None:
    eve = sign_in(house, "Eve", Role.OWNER)
    made = (await eve.post("/api/v1/access-tokens", json={"name": "Back door"})).json()
    see = f"/api/v1/live/clock?pass={made['secret']}"
    assert (await house.browser().get(see)).status_code == 200
    house.accounts.remove_person(account(house, "Eve"))
    assert (await house.browser().get(see)).status_code == 401
    (listed,) = (await house.signed_in().get("/api/v1/access-tokens")).json()["items"]
    assert (listed["has_ended"], listed["maker_lost_access"], listed["made_by"]) == (True, True, None)


async def test_a_former_owners_access_token_shows_what_they_see_now(house: House) -> None:
    eve = sign_in(house, "Eve", Role.OWNER)
    made = (await eve.post("/api/v1/access-tokens", json={"name": "Kitchen TV"})).json()
    house.accounts.change_person(account(house, "Eve"), Role.VIEWER, [YARD])
    session = house.passes.session(made["secret"])
    assert session
    assert session.person.cameras == frozenset({YARD})
    assert (await house.browser().get(f"/api/v1/cameras/porch/snapshot?pass={made['secret']}")).status_code == 404


async def test_an_answer_that_waited_says_whether_the_session_ended_or_only_its_rights(house: House) -> None:
    token = house.accounts.begin_session(house.accounts.put_person("Eve", Role.MEMBER), HERE)
    state = {"session": house.accounts.session(token)}
    waiting = Request({"type": "http", "app": house.app, "state": state, "headers": []})
    await refuse_ended(waiting)
    house.accounts.change_person(account(house, "Eve"), Role.VIEWER, None)
    with pytest.raises(RequestRefused) as refused:
        await refuse_ended(waiting)
    assert (refused.value.status, refused.value.kind) == (409, "changed")
    house.accounts.remove_person(account(house, "Eve"))
    with pytest.raises(RequestRefused) as refused:
        await refuse_ended(waiting)
    assert (refused.value.status, refused.value.kind) == (401, "signed_out")


async def test_the_upload_token_of_a_former_owner_takes_nothing(house: House) -> None:
    eve = sign_in(house, "Eve", Role.OWNER)
    made = (await eve.post("/api/v1/access-tokens", json={"name": "Cabin", "brings_bytes": 10**9})).json()
    house.accounts.change_person(account(house, "Eve"), Role.MEMBER, None)
    bearer = {"Authorization": f"Bearer {made['secret']}"}
    assert (await house.browser().get("/api/v1/inbox/files", headers=bearer)).status_code == 401


async def test_a_removed_owner_does_not_come_back_as_another_one(house: House) -> None:
    """A sign-in link for Anna's account, made before Eve was removed, signed Eve in as owner for a week."""
    eve, anna = sign_in(house, "Eve", Role.OWNER), account(house, "Anna")
    link = (await eve.post(f"/api/v1/people/{anna.id}/link")).json()["link"]
    house.accounts.remove_person(account(house, "Eve"))
    stranger = house.browser()
    answer = await stranger.post("/api/v1/sign-in/link", json={"token": link.partition("link=")[2]})
    assert (answer.status_code, (await stranger.get("/api/v1/people")).status_code) == (410, 401)


async def test_a_new_password_ends_sign_in_links_too(house: House) -> None:
    owner, anna = sign_in(house, "Eve", Role.OWNER), account(house, "Anna")
    link = (await owner.post(f"/api/v1/people/{anna.id}/link")).json()["link"]
    house.accounts.put_person("Anna", Role.OWNER, "another hash")
    answer = await house.browser().post("/api/v1/sign-in/link", json={"token": link.partition("link=")[2]})
    assert answer.status_code == 410


async def test_what_a_removed_user_has_asked_for_is_not_made(house: House) -> None:
    eve = sign_in(house, "Eve", Role.MEMBER, [PORCH])
    await eve.post("/api/v1/clips", json={"cameras": ["porch"], **span(house)})
    house.accounts.remove_person(account(house, "Eve"))
    assert house.site.jobs.work()
    (job,) = house.site.jobs.seen_by(account(house, "Anna"))
    assert (job.state, "no longer see" in job.problem) == (ClipJobState.FAILED, True)


# --- viewers change nothing


@pytest.fixture
def kept(house: House) -> Event:
    """An event that the owner keeps."""
    now_ms = house.clock.now_ms()
    event = Event(EventId("the-burglar"), PORCH, "person", now_ms - 9000, now_ms - 5000, 90.0, kept=True)
    house.recorder.index.put_event(event)
    return event


CHANGES: list[tuple[str, str, dict[str, object]]] = [
    ("PATCH", "/api/v1/events/the-burglar", {"kept": False}),
    ("PATCH", "/api/v1/events/the-burglar", {"reviewed": True}),
    ("POST", "/api/v1/events/bulk", {"ids": ["the-burglar"], "kept": False}),
    ("POST", "/api/v1/events/the-burglar/feedback", {"false_alarm": "shadow"}),
    ("POST", "/api/v1/events/the-burglar/feedback", {"labeled_as": "nothing"}),
    ("POST", "/api/v1/orders", {"command": "record", "camera": "porch", "on": False}),
    ("POST", "/api/v1/orders", {"command": "event.close", "event": "the-burglar"}),
    ("POST", "/api/v1/sealed/tested", {"recovery": "age1" + "q" * 58}),
]


@pytest.mark.parametrize(("method", "path", "body"), CHANGES)
async def test_a_viewer_of_the_camera_changes_nothing(
    house: House, kept: Event, method: str, path: str, body: dict[str, object]
) -> None:
    eve = sign_in(house, "Eve", Role.VIEWER, [PORCH])
    answer = await eve.request(method, path, json=body)
    assert answer.status_code == 403
    assert house.recorder.index.event(kept.id) == kept


async def test_every_mark_is_in_the_log(house: House, kept: Event) -> None:
    ben = sign_in(house, "Ben", Role.MEMBER, [PORCH])
    for method, path, body in CHANGES[:5]:
        assert (await ben.request(method, path, json=body)).status_code == 200
    noted = [(row.action, row.detail) for row in house.accounts.audit() if row.person == "Ben"]
    one = "porch the-burglar"
    assert noted[::-1] == [
        ("event no longer kept", one),
        ("event reviewed", one),
        ("event no longer kept", one),
        ("event feedback: false alarm: shadow", one),
        ("event feedback: nothing", one),
    ]


async def test_marks_of_many_events_are_one_entry(house: House) -> None:
    ids = [f"event-{number}" for number in range(300)]
    for one in ids:
        house.recorder.index.put_event(Event(EventId(one), PORCH, "person", 1000, 2000, 90.0))
    ben = sign_in(house, "Ben", Role.MEMBER)
    await ben.post("/api/v1/events/bulk", json={"ids": ids, "reviewed": True})
    (row,) = [row for row in house.accounts.audit() if row.person == "Ben"]
    assert row.detail.endswith(" and 295 more")


async def test_viewers_do_not_get_the_owners_wrapped_key(house: House) -> None:
    """Whoever has it can try passphrases without end."""
    viewer, member = house.signed_in(Role.VIEWER), house.signed_in(Role.MEMBER)
    assert (await viewer.get("/api/v1/sealed/ways/owner")).status_code == 403
    assert (await member.get("/api/v1/sealed/ways/owner")).status_code == 404, "there is none here"
