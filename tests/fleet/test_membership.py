"""Joining and leaving a hub from the recorder's own page, and by a QR code before its camera."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from unittest.mock import Mock

import httpx
import pytest

from tawny.api.application import make_app
from tawny.api.auth.accounts import Role
from tawny.app.other_recorders import refusal_problems
from tawny.config.loader import read_settings
from tawny.config.settings import Settings
from tawny.fleet.box import BoxOffer, FleetMember, MemberState
from tawny.fleet.hub_pass import PassStore
from tawny.fleet.identity import KEY_FILE, UNKNOWN, JoinLink, load_or_make_key
from tawny.fleet.member_line import REFUSED_S
from tawny.model.errors import DiskFull
from tawny.model.geometry import Orientation
from tawny.model.ids import CameraId, StreamName
from tawny.service.changeable_settings import ChangeableSettings
from tawny.service.hub_membership import HubMembershipService, link_before_camera, qr_texts
from tawny.stream.hub import Hub
from tawny.testing.clock import FakeClock
from tests.api.fakes import House, make_house
from tests.fleet.codes import before_camera, stream_of
from tests.fleet.rig import BoxRig, HubRig, eventually, hub_rig

LINK = f"http://192.168.178.52:8000/join#{'c' * 22}.{'h' * 43}"
AT = "/api/v1/fleet/membership"


@dataclass
class Joining:
    """A hub, and a recorder whose owner looks at its settings."""

    rig: HubRig
    house: House
    page: httpx.AsyncClient
    member: FleetMember
    box: BoxRig
    file: Path
    data: Path
    settings: ChangeableSettings

    def link(self) -> str:
        code, _ = self.rig.index.invite()
        return str(JoinLink(self.rig.url, code, self.rig.mark))

    async def join(self, *allow: str) -> httpx.Response:
        return await self.page.post(AT, json={"link": self.link(), "allow": allow})

    async def state(self) -> dict[str, object]:
        found: dict[str, object] = (await self.page.get(AT)).json()
        return found

    async def until(self, state: str) -> None:
        await eventually(lambda: self.member.state.value == state, f"the state {state}")


@asynccontextmanager
async def joining(house: House, folder: Path) -> AsyncIterator[Joining]:
    own = make_house(folder / "own")
    own = replace(own, app=make_app(own.site))
    house.app.state.site = house.site  # both houses were made with the same application
    file, data = folder / "tawny.toml", folder / "own"
    file.write_text("")
    held = [Settings()]
    box = BoxRig(data)

    def apply(settings: Settings, _where: str) -> None:
        held[0] = settings
        member.changed()

    def offer() -> BoxOffer:
        return replace(box.offer(), allow=held[0].fleet.allow)

    member = FleetMember(data, lambda: held[0].fleet, offer, FakeClock())
    changeable = ChangeableSettings(lambda: held[0], apply, file)
    passes = PassStore(data, FakeClock(), lambda: held[0].fleet.hub_key)
    own.site.membership = HubMembershipService(data, changeable, member, passes, lambda: "Shed")
    member.start()
    try:
        async with hub_rig("websocket", house) as rig:
            yield Joining(rig, own, own.signed_in(Role.OWNER), member, box, file, data, changeable)
    finally:
        await member.close()
        own.accounts.close()


@pytest.fixture
async def here(house: House, tmp_path: Path) -> AsyncIterator[Joining]:
    async with joining(house, tmp_path) as made:
        yield made


async def test_the_owner_sees_the_hub_before_joining_and_the_link_stays_good(here: Joining) -> None:
    link = here.link()
    seen = (await here.page.post(f"{AT}/preview", json={"link": link})).json()
    assert (seen["hub"], seen["fingerprint"]) == (here.rig.url, here.rig.mark)
    assert here.rig.index.boxes() == []
    joined = await here.page.post(AT, json={"link": link, "allow": ["health"]})
    assert joined.status_code == 200, joined.text
    assert here.rig.index.boxes()[0].words == seen["words"]


async def test_joining_connects_without_a_restart_and_is_in_the_settings_file(here: Joining) -> None:
    assert (await here.state())["state"] == "none"
    await here.join("clips", "health")
    await here.until("online")
    now = await here.state()
    assert (now["hub"], now["name"], now["allow"]) == (here.rig.url, "All houses", ["health", "clips"])
    assert now["words"] == here.rig.index.boxes()[0].words
    fleet = read_settings(here.file).fleet
    assert (fleet.hub, fleet.hub_key, fleet.allow) == (here.rig.url, here.rig.mark, ("health", "clips"))


async def test_what_the_hub_may_do_changes_at_once(here: Joining) -> None:
    await here.join("health")
    await here.until("online")
    changed = await here.page.put(f"{AT}/allow", json={"allow": ["live"]})
    assert changed.json()["allow"] == ["live"]
    await eventually(lambda: here.rig.hub.states()[0].allow == ("live",), "the hub to know it")


async def test_a_new_name_of_this_recorder_is_shown_at_the_hub(here: Joining) -> None:
    await here.join("health")
    await here.until("online")
    here.rig.index.rename("shed", "Shop 12")  # as if it had joined by a name of its own
    await here.page.put(f"{AT}/allow", json={"allow": ["live"]})
    await eventually(lambda: here.rig.hub.allowed("shed") == ("live",), "the next line")
    assert here.rig.index.boxes()[0].name == "Shop 12"
    here.box.name = "Harbour shop"
    here.member.changed()
    await eventually(lambda: here.rig.index.boxes()[0].name == "Harbour shop", "the new name")
    assert here.rig.index.boxes()[0].id == "shed"


async def test_a_recorder_that_joins_again_keeps_the_name_that_it_gives_then(here: Joining) -> None:
    await here.join("health")
    await here.until("online")
    await here.page.delete(AT)
    await here.until("none")
    here.box.name = "Harbour shop"
    await here.join("health")  # as “Shed”
    await here.until("online")
    assert here.rig.index.boxes()[0].name == "Shed"


async def test_the_owner_gives_a_pass_and_ends_it(here: Joining) -> None:
    asked = {"hours": 4, "shares": ["live"]}
    refused = await here.page.put(f"{AT}/pass", json=asked)
    assert refused.json()["message"] == "This recorder has joined no hub."
    await here.join("health")
    await here.until("online")
    given = (await here.page.put(f"{AT}/pass", json=asked)).json()
    assert (given["pass_until_ms"], given["pass_shares"]) == (here.member.since_ms + 4 * 3_600_000, ["live"])
    assert (await here.state())["pass_until_ms"] == given["pass_until_ms"]
    assert (await here.page.delete(f"{AT}/pass")).json()["pass_until_ms"] is None
    actions = [one.action for one in here.house.accounts.audit()]
    assert {"hub pass given", "hub pass ended"} <= set(actions)


@pytest.mark.parametrize(
    "asked",
    [{"hours": 0, "shares": ["live"]}, {"hours": 169, "shares": ["live"]}, {"hours": 1, "shares": []},
     {"hours": 1, "shares": ["orders"]}, {"hours": 1}, {"shares": ["live"]}],
)  # fmt: skip
async def test_a_pass_has_an_end_and_shows_pictures_only(here: Joining, asked: dict[str, object]) -> None:
    await here.join("health")
    assert (await here.page.put(f"{AT}/pass", json=asked)).status_code == 422
    assert (await here.state())["pass_until_ms"] is None


async def test_leaving_ends_the_pass(here: Joining) -> None:
    await here.join("health")
    await here.until("online")
    await here.page.put(f"{AT}/pass", json={"hours": 1, "shares": ["live"]})
    await here.page.delete(AT)
    await here.until("none")
    await here.join("health")
    assert (await here.state())["pass_until_ms"] is None


async def test_leaving_forgets_on_both_sides(here: Joining) -> None:
    await here.join("health")
    await here.until("online")
    assert (await here.page.delete(AT)).json() == {"problem": ""}
    await here.until("none")
    assert here.rig.index.boxes() == []
    assert not (here.data / KEY_FILE).exists()
    assert read_settings(here.file).fleet.hub == ""
    assert (await here.page.delete(AT)).json()["message"] == "This recorder has joined no hub."


async def test_leaving_a_hub_that_is_gone_says_what_is_left_to_do(here: Joining) -> None:
    await here.join("health")
    await here.until("online")
    here.settings.put("fleet", {"hub": "http://127.0.0.1:9"})
    left = (await here.page.delete(AT)).json()
    assert left["problem"].startswith("The hub wasn't reached: cannot connect to")
    await here.until("none")


async def test_leaving_a_hub_that_has_removed_the_recorder_leaves_nothing_to_do(here: Joining) -> None:
    await here.join("health")
    await here.until("online")
    await here.rig.hub.revoke("shed")
    await here.until("refused")
    assert (await here.page.delete(AT)).json() == {"problem": ""}
    await here.until("none")


async def test_a_revoked_recorder_says_why_and_can_join_again(here: Joining) -> None:
    await here.join("health")
    await here.until("online")
    await here.rig.hub.revoke("shed")
    await here.until("refused")
    assert (await here.state())["detail"] == UNKNOWN
    [problem] = refusal_problems(here.member)
    assert problem.detail == f"This recorder isn't connected to its hub: {UNKNOWN}."
    assert (await here.join("health")).status_code == 200
    await here.until("online")


async def test_a_hub_that_cannot_store_for_a_moment_is_tried_again_soon(
    here: Joining, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its database may start after it. A refusal would be tried again after a minute."""
    await here.join("health")
    await here.until("online")
    with monkeypatch.context() as patched:
        patched.setattr(here.rig.index, "cursors", Mock(side_effect=DiskFull("/data/hub.db")))
        here.rig.hub.connections()[0].stop()
        await eventually(lambda: "can't store anything" in here.member.detail, "the reason")
        assert here.member.state is MemberState.OFFLINE
        assert list(refusal_problems(here.member)) == []
    async with asyncio.timeout(REFUSED_S / 4):
        await here.until("online")


@pytest.mark.parametrize(
    ("link", "status", "says"),
    [
        ("https://example.org/join", 400, "This isn't a link of a hub or a standby."),
        (f"http://127.0.0.1:9/join#{'c' * 22}.{'h' * 43}", 409, "Joining failed: cannot connect to"),
        ("x" * 3000, 422, "Invalid request"),
    ],
)
async def test_a_link_that_leads_nowhere_is_refused(here: Joining, link: str, status: int, says: str) -> None:
    asked: tuple[tuple[str, dict[str, object]], ...] = (("/preview", {}), ("", {"allow": []}))
    for path, more in asked:
        refused = await here.page.post(AT + path, json={"link": link, **more})
        assert (refused.status_code, refused.json()["message"][: len(says)]) == (status, says)
    assert read_settings(here.file).fleet.hub == ""


async def test_a_link_of_another_hub_is_refused_by_its_key_and_a_used_one_by_the_hub(here: Joining) -> None:
    link = here.link()
    forged = link.replace(here.rig.mark, "f" * 43)
    refused = (await here.page.post(AT, json={"link": forged, "allow": []})).json()
    assert "another key" in refused["message"]
    assert here.rig.index.join(JoinLink.parse(link).code, "Barn", b"barn".ljust(32), "words") is not None
    again = (await here.page.post(AT, json={"link": link, "allow": []})).json()
    assert again["message"] == "The hub refused this recorder: the link was used already, or has expired."


async def test_a_recorder_whose_answer_was_lost_joins_by_the_same_link(here: Joining) -> None:
    link = here.link()
    own = load_or_make_key(here.data).public_key().public_bytes_raw()
    assert here.rig.index.join(JoinLink.parse(link).code, "Shed", own, "words") is not None
    assert (await here.page.post(AT, json={"link": link, "allow": []})).status_code == 200
    assert [one.name for one in here.rig.index.boxes()] == ["Shed"]


async def test_a_second_hub_is_joined_only_after_leaving_the_first(here: Joining) -> None:
    await here.join("health")
    other = f"http://127.0.0.1:9/join#{'c' * 22}.{'h' * 43}"
    refused = (await here.page.post(f"{AT}/preview", json={"link": other})).json()
    assert refused["message"] == f"This recorder has joined {here.rig.url}."


async def test_a_hub_with_another_address_is_joined_by_its_new_link(here: Joining) -> None:
    await here.join("health")
    await here.until("online")
    here.settings.put("fleet", {"hub": "http://127.0.0.1:9"})
    assert (await here.join("health", "events")).status_code == 200
    await here.until("online")
    assert ((await here.state())["hub"], [one.id for one in here.rig.index.boxes()]) == (here.rig.url, ["shed"])


async def test_a_lost_key_is_said(here: Joining) -> None:
    await here.join("health")
    await here.until("online")
    (here.data / KEY_FILE).write_text("damaged")
    await here.page.put(f"{AT}/allow", json={"allow": []})
    await here.until("refused")
    assert "key of this recorder" in here.member.detail
    assert (await here.page.delete(AT)).json() == {"problem": ""}
    await here.until("none")


# --- before a camera


@pytest.mark.parametrize(("module_px", "degrees"), [(3, 0.0), (4, 8.0), (5, 8.0), (8, 37.0), (8, 183.0)])
def test_sc3_a_camera_reads_the_code_of_a_link(module_px: int, degrees: float) -> None:
    stream = stream_of([before_camera(LINK, module_px, degrees)], Hub())
    assert str(link_before_camera(stream)) == LINK


def test_a_code_counts_that_came_after_an_old_keyframe() -> None:
    """Many cameras send a keyframe every ten seconds."""
    stream = stream_of([before_camera("")] * 20 + [before_camera(LINK)] * 3, Hub())
    assert str(link_before_camera(stream)) == LINK


def test_a_camera_that_shows_its_picture_mirrored_reads_the_code_as_sent() -> None:
    stream = stream_of([before_camera(LINK)], Hub(), Orientation(90, mirror=True))
    assert str(link_before_camera(stream)) == LINK


@pytest.mark.parametrize(
    "text",
    [
        "",
        "https://example.org/",
        LINK.replace("/join", "/setup"),
        LINK[:-1],
        "WIFI:T:WPA;S:Our home;P:correct horse battery;;",
    ],
)
def test_nothing_but_a_join_link_is_taken(text: str) -> None:
    picture = before_camera(text)
    assert qr_texts(picture) == ([text] if text else [])
    assert link_before_camera(stream_of([picture], Hub())) is None


def test_a_stream_without_pictures_has_no_code() -> None:
    assert link_before_camera(Hub()) is None


async def test_the_page_asks_what_a_camera_sees(here: Joining) -> None:
    async def seen(camera: str = "porch") -> httpx.Response:
        return await here.page.post(f"{AT}/code", json={"camera": camera})

    assert (await seen()).json()["message"] == "No image from this camera right now."
    assert (await seen("attic")).status_code == 404
    stream_of([before_camera("")], here.house.recorder.hubs[CameraId("porch"), StreamName.MAIN])
    assert (await seen()).json() == {"link": None}
    stream_of([before_camera(LINK)], here.house.recorder.hubs[CameraId("porch"), StreamName.MAIN])
    assert (await seen()).json() == {"link": LINK}


def test_states_are_those_that_the_page_knows() -> None:
    assert [one.value for one in MemberState] == ["none", "offline", "online", "refused"]
