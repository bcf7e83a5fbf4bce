"""The page “Standby” of both recorders: choosing one by a link, what each shows, and ending it from either side."""

from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import Mock

import httpx
import pytest
from fastapi import FastAPI

from tawny.api.application import make_routes
from tawny.api.auth.accounts import Role
from tawny.api.server import WebServer
from tawny.app.control_answers import _standby as standby_answer
from tawny.config.loader import parse_settings, read_settings
from tawny.config.settings import Settings
from tawny.engine import connections
from tawny.fleet import standby_member
from tawny.fleet.identity import KEY_FILE, UNKNOWN, JoinLink, load_or_make_key
from tawny.fleet.standby_lease import LEASE_S, RETURN_S, SETTLE_S
from tawny.fleet.standby_member import StandbyMember, StandbyMemberState, StandbyOffer, join_standby
from tawny.fleet.standby_plan import StandbyCamera, StandbyPlan
from tawny.fleet.standby_server import StandbyServer
from tawny.fleet.standby_store import Takeover
from tawny.model.errors import StorageError
from tawny.model.ids import CameraId
from tawny.model.segments import Gap, GapReason
from tawny.model.times import Span
from tawny.service.cameras.standby_cameras import NOT_RECORDED, id_at_standby, member_problems
from tawny.service.cameras.standby_condition import STOPPED
from tawny.service.changeable_settings import ChangeableSettings
from tawny.service.standby_service import StandbyParts, StandbyService, StatedPartner, unknown_modes
from tawny.storage.index.memory_index import MemoryIndex
from tawny.testing.clock import FakeClock
from tests.api.fakes import House, make_house
from tests.fleet.rig import eventually
from tests.fleet.test_standby_member import Placer
from tests.fleet.test_standby_server import Work

AT = "/api/v1/standby"
FRONT, YARD = (StandbyCamera(one, one.capitalize(), {"source": "rtsp://192.0.2.7/"}) for one in ("front", "yard"))
STEP_S = 2.0


@dataclass
class Side:
    """A recorder, and its owner who looks at its settings. is_recording: whether it says that it is here."""

    name: str
    house: House
    page: httpx.AsyncClient
    folder: Path
    server: StandbyServer
    member: StandbyMember
    work: Work
    index: MemoryIndex
    web: WebServer
    placer: Placer
    plan: list[StandbyCamera] = field(default_factory=lambda: [FRONT, YARD])
    is_recording: bool = True

    @property
    def url(self) -> str:
        return f"http://{self.web.address}"

    @property
    def file(self) -> Path:
        return self.folder / "tawny.toml"

    @property
    def service(self) -> StandbyService:
        assert self.house.site.standbys is not None
        return self.house.site.standbys

    async def shows(self) -> dict[str, Any]:
        answer = await self.page.get(AT)
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    async def link(self) -> str:
        answer = await self.page.post(f"{AT}/invitations")
        assert answer.status_code == 200, answer.text
        link: str = answer.json()["links"][0]
        return link

    async def refused(self, link: str, path: str = "") -> str:
        answer = await self.page.post(AT + path, json={"link": link})
        assert answer.status_code in (400, 409), answer.text
        message: str = answer.json()["message"]
        return message


@dataclass
class Pair:
    """house: the recorder. shed: its standby."""

    house: Side
    shed: Side
    clock: FakeClock

    async def join(self) -> None:
        link = await self.shed.link()
        joined = await self.house.page.post(AT, json={"link": link})
        assert joined.status_code == 200, joined.text
        await eventually(lambda: self.house.member.state is StandbyMemberState.READY, "the connection")
        await eventually(lambda: bool(self.shed.server.states()[0].cameras), "the plan")

    async def passes(self, seconds: float) -> None:
        """Let time pass in which the recorder says that it is here."""
        for _ in range(round(seconds / STEP_S)):
            self.clock.advance(STEP_S)
            await eventually(self._is_here, "a sign of the recorder")

    def _is_here(self) -> bool:
        return self.shed.server.states()[0].silent_ms == self.clock.now_ms()


@cache
def routes_of(_name: str) -> FastAPI:
    """An application for each of both recorders, made once."""
    return make_routes()


@asynccontextmanager
async def side(name: str, folder: Path, clock: FakeClock) -> AsyncIterator[Side]:
    house = make_house(folder)
    house = replace(house, app=routes_of(name))
    house.app.state.site = house.site
    (folder / "tawny.toml").write_text("")
    held, work, index, placer = [Settings()], Work(), MemoryIndex(), Placer()

    def apply(settings: Settings, _where: str) -> None:
        held[0] = settings
        member.changed()
        server.changed()

    def plan() -> StandbyPlan:
        return StandbyPlan((), tuple(made.plan))

    def recorded() -> Sequence[str] | None:
        return ["front", "yard"] if made.is_recording else None

    def answers(standby: str) -> bool | None:
        return made.is_recording if held[0].standby.key == standby else None

    server = StandbyServer(folder, clock, work, lambda: held[0].standby.enabled, lambda: name, answers)

    def offer() -> StandbyOffer:
        return StandbyOffer(made.name, "1", plan, recorded, placer)

    member = StandbyMember(folder, lambda: held[0].standby, offer, clock)
    web = WebServer(house.app, house.accounts, "127.0.0.1", 0)
    await web.start()
    parts = StandbyParts(
        folder, member, server, index, clock, plan, lambda box, one: id_at_standby(box.id, box.key, one),
        lambda: name, lambda: [made.url],
    )  # fmt: skip
    changeable = ChangeableSettings(lambda: held[0], apply, folder / "tawny.toml")
    house.site.standby, house.site.protected = server, member
    house.site.standbys = StandbyService(changeable, parts)
    made = Side(name, house, house.signed_in(Role.OWNER), folder, server, member, work, index, web, placer)
    server.start()
    member.start()
    try:
        yield made
    finally:
        await member.close()
        await server.close()
        await web.stop()
        house.accounts.close()


@pytest.fixture
async def pair(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Pair]:
    monkeypatch.setattr(standby_member, "PRESENT_S", 0.05)
    clock = FakeClock()
    async with AsyncExitStack() as stack:
        house, shed = [
            await stack.enter_async_context(side(name, tmp_path / name, clock)) for name in ("House", "Shed")
        ]
        yield Pair(house, shed, clock)


async def test_a_link_makes_a_standby_and_the_owner_compares_before_it_is_used(pair: Pair) -> None:
    assert not (await pair.shed.shows())["is_standby"]
    link = await pair.shed.link()
    assert link.startswith(f"{pair.shed.url}/join#standby.")
    assert read_settings(pair.shed.file).standby.enabled
    pair.house.plan = [FRONT, replace(YARD, is_due=False, why_off=NOT_RECORDED)]
    seen = (await pair.house.page.post(f"{AT}/preview", json={"link": link})).json()
    assert (seen["address"], seen["fingerprint"]) == (pair.shed.url, JoinLink.parse(link).hub)
    whys = {one["id"]: one["why"] for one in seen["cameras"]}
    assert whys == {"front": "", "yard": "it is not recorded by its settings"}
    assert pair.shed.server.states() == []
    joined = (await pair.house.page.post(AT, json={"link": link})).json()
    assert joined["own"]["address"] == pair.shed.url
    await eventually(lambda: pair.house.member.words() != "", "the connection")
    [protected] = (await pair.shed.shows())["protected"]
    assert protected["words"] == (await pair.house.shows())["own"]["words"] == seen["words"]
    chosen = read_settings(pair.house.file).standby
    assert (chosen.address, chosen.key) == (pair.shed.url, seen["fingerprint"])


async def test_the_line_of_a_recorder_to_its_standby_lasts(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    await pair.join()
    lines = pair.shed.web.connections
    await eventually(lambda: any(one.is_signed_in for one in lines), "the line to be one of a known recorder", 10)
    monkeypatch.setattr(connections, "UNSIGNED_S", -1.0)
    lines.sweep()
    assert [one.is_signed_in for one in lines] == [True]


async def test_both_pages_say_when_it_would_take_over(pair: Pair) -> None:
    await pair.join()
    assert not (await pair.house.shows())["own"]["is_watched"]
    assert not (await pair.shed.shows())["protected"][0]["is_watched"]
    await pair.passes(SETTLE_S)
    await eventually(lambda: pair.house.member.known.is_watched, "the recorder to know it")
    for of, partner in (
        (pair.house, StatedPartner("own", "Shed", "ready")),
        (pair.shed, StatedPartner("protected", "House", "ready")),
    ):
        assert of.service.stated() == [partner]
    own, [protected] = (await pair.house.shows())["own"], (await pair.shed.shows())["protected"]
    assert (own["state"], own["name"], own["is_watched"], own["why"]) == ("ready", "Shed", True, "")
    assert own["heard_ms"] == pair.clock.now_ms()
    assert (protected["name"], protected["lease"], protected["is_watched"]) == ("House", "held", True)
    assert protected["heard_ms"] == pair.clock.now_ms()


async def test_both_sides_say_that_the_standby_can_record_nothing(pair: Pair) -> None:
    await pair.join()
    pair.shed.work.hindered = STOPPED
    await eventually(lambda: pair.house.member.why_not_ready == STOPPED, "the recorder to know it")
    own = (await pair.house.shows())["own"]
    assert (own["state"], own["why"], own["is_watched"]) == ("ready", STOPPED, False)
    assert {one["why"] for one in own["cameras"]} == {STOPPED}
    assert (await pair.shed.shows())["wrong"] == STOPPED
    pair.house.house.site.models = Mock(there=dict)
    sections = (await pair.house.page.get("/api/v1/settings/sections")).json()["lines"]
    assert sections["standby"] == "Not ready"
    assert [one.state for one in pair.house.service.stated()] == ["away"]
    [problem] = member_problems(pair.house.member)
    assert problem.detail.startswith(f"Shed isn't ready: {STOPPED}. Meanwhile, no other recorder takes over")
    pair.shed.work.hindered = StorageError("/data", "Input/output error")
    why = pair.shed.work.hindered.message
    await eventually(lambda: pair.house.member.why_not_ready == why, "the recorder to know it")
    [problem] = member_problems(pair.house.member)
    assert problem.detail.startswith(f"Shed isn't ready. {why} Meanwhile, no other recorder takes over")
    pair.shed.work.hindered = ""
    await eventually(lambda: pair.house.member.why_not_ready == "", "the end of it")


async def test_a_takeover_is_on_both_pages_until_its_recordings_are_back(pair: Pair) -> None:
    await pair.join()
    await pair.passes(SETTLE_S)
    silent_ms = pair.clock.now_ms()
    pair.house.is_recording = False
    await eventually(lambda: pair.house.member.known.is_watched, "the standby to be ready")
    pair.clock.advance(LEASE_S + 0.1)
    await eventually(lambda: pair.shed.work.recorded == {"house": ["front", "yard"]}, "the takeover")
    await eventually(lambda: bool(pair.house.member.known.takeovers), "the recorder to know it")
    assert [one.state for one in pair.shed.service.stated()] == ["taken"]
    [protected] = (await pair.shed.shows())["protected"]
    key = load_or_make_key(pair.house.folder).public_key().public_bytes_raw()
    assert [one["recorded_as"] for one in protected["cameras"]] == [
        id_at_standby("house", key, one) for one in ("front", "yard")
    ]
    lasting = {
        "silent_ms": silent_ms, "end_ms": None, "cameras": ["front", "yard"], "lost_ms": 3100, "handing": "lasting",
    }  # fmt: skip
    assert protected["takeovers"] == [lasting]
    assert (await pair.house.shows())["own"]["takeovers"] == [lasting | {"lost_ms": 0}]
    pair.house.is_recording = True
    await pair.passes(RETURN_S + STEP_S)
    await eventually(lambda: pair.shed.work.recorded == {"house": []}, "the cameras to be given back")
    await eventually(lambda: all(one.is_handed for one in pair.house.member.known.takeovers), "its recordings")
    [ended] = (await pair.shed.shows())["protected"][0]["takeovers"]
    assert (ended["handing"], ended["end_ms"] is not None) == ("handed", True)
    assert (await pair.house.shows())["own"]["takeovers"] == [ended | {"handing": "nothing", "lost_ms": 0}]


async def test_what_the_standby_never_had_is_not_said_to_be_back(pair: Pair) -> None:
    """Its disk was full, or it has deleted what it had."""
    await pair.join()
    await pair.passes(SETTLE_S)
    silent_ms = pair.clock.now_ms()
    pair.house.placer.parts, pair.shed.work.files = [Span(silent_ms, silent_ms + 9000)], ()
    pair.house.index.put_gap(Gap(CameraId("front"), silent_ms, silent_ms + 9000, GapReason.RECORDER_OFF))
    pair.house.is_recording = False
    pair.clock.advance(LEASE_S + 0.1)
    await eventually(lambda: pair.shed.work.recorded == {"house": ["front", "yard"]}, "the takeover")
    pair.house.is_recording = True
    await pair.passes(RETURN_S + STEP_S)
    await eventually(lambda: pair.shed.work.recorded == {"house": []}, "the cameras to be given back")
    await eventually(lambda: all(one.is_handed for one in pair.house.member.known.takeovers), "its recordings")
    [own] = (await pair.house.shows())["own"]["takeovers"]
    assert (own["handing"], own["lost_ms"]) == ("gone", 9000)
    [theirs] = (await pair.shed.shows())["protected"][0]["takeovers"]
    assert (theirs["handing"], theirs["lost_ms"]) == ("gone", theirs["end_ms"] - silent_ms)


async def test_clocks_that_differ_are_a_problem(pair: Pair) -> None:
    await pair.join()
    assert list(member_problems(pair.house.member)) == []
    pair.house.member.known.ahead_of_mono_ms = round(pair.clock.now_ms() - pair.clock.mono_s() * 1000) + 180_000
    [answer] = member_problems(pair.house.member)
    assert answer.detail.startswith("The clocks of Shed and of this recorder differ by 3 min.")


async def test_a_recorder_that_is_renamed_tells_its_standby(pair: Pair) -> None:
    await pair.join()
    pair.house.name = "Villa"
    pair.house.member.changed()
    await eventually(lambda: pair.shed.server.states()[0].box.name == "Villa", "the new name")


async def test_the_recorder_ends_it(pair: Pair) -> None:
    await pair.join()
    assert (await pair.house.page.delete(AT)).json() == {"hint": ""}
    assert (await pair.house.shows())["own"] is None
    await eventually(lambda: pair.shed.server.states() == [], "the standby to forget it")
    assert read_settings(pair.house.file).standby.address == ""
    refused = await pair.house.page.delete(AT)
    assert (refused.status_code, refused.json()["message"]) == (409, "This recorder has no standby.")


async def test_a_standby_that_is_away_is_left_all_the_same(pair: Pair) -> None:
    await pair.join()
    await pair.shed.web.stop()
    hint = (await pair.house.page.delete(AT)).json()["hint"]
    assert hint.startswith("The standby wasn't reached: cannot connect to")
    assert "end the protection there under Settings, Standby" in hint
    assert read_settings(pair.house.file).standby.address == ""


async def test_a_lost_key_is_said_and_what_is_left_to_do_at_the_standby(pair: Pair) -> None:
    """A data folder that was replaced, while the settings file stayed."""
    await pair.join()
    (pair.house.folder / KEY_FILE).unlink()
    pair.house.member.retry()
    await eventually(lambda: pair.house.member.state is StandbyMemberState.REFUSED, "the lost key to be noticed")
    (answer,) = member_problems(pair.house.member)
    assert "the key of this recorder is missing" in answer.detail
    assert "it may be recording the cameras" in answer.detail
    assert (await pair.house.shows())["own"]["why"] == pair.house.member.detail
    hint = (await pair.house.page.delete(AT)).json()["hint"]
    assert "end the protection there under Settings, Standby" in hint
    await eventually(lambda: pair.house.member.state is StandbyMemberState.NONE, "the end")


async def test_the_standby_ends_it_and_the_recorder_says_so(pair: Pair) -> None:
    await pair.join()
    assert (await pair.shed.page.delete(f"{AT}/recorders/house")).status_code == 204
    assert (await pair.shed.shows())["protected"] == []
    assert (await pair.shed.page.delete(f"{AT}/recorders/house")).status_code == 404
    await eventually(lambda: pair.house.member.state is StandbyMemberState.REFUSED, "the refusal")
    own = (await pair.house.shows())["own"]
    assert [one.state for one in pair.house.service.stated()] == ["away"]
    assert (own["state"], own["why"], own["is_watched"]) == ("refused", UNKNOWN, False)
    await pair.join()  # by a new link, without ending it here first


async def test_a_refused_recorder_connects_when_a_command_has_chosen_its_standby_again(pair: Pair) -> None:
    """The settings don't change then."""
    await pair.join()
    await pair.shed.page.delete(f"{AT}/recorders/house")
    await eventually(lambda: pair.house.member.state is StandbyMemberState.REFUSED, "the refusal")
    link = JoinLink.parse(await pair.shed.link())
    await join_standby(link, load_or_make_key(pair.house.folder), "House", "1")
    web: Any = SimpleNamespace(site=pair.house.house.site)
    standby_answer(web, {"retry": True})
    await eventually(lambda: pair.house.member.state is StandbyMemberState.READY, "the connection")


async def test_what_is_done_is_in_the_access_log(pair: Pair) -> None:
    await pair.join()
    await pair.house.page.delete(AT)
    await eventually(lambda: pair.shed.server.states() == [], "the standby to forget it")
    await pair.join()
    await pair.shed.page.delete(f"{AT}/recorders/house")
    actions = {one.action for of in (pair.house, pair.shed) for one in of.house.accounts.audit()}
    assert {"standby chosen", "standby left", "standby link created", "recorder removed from standby"} <= actions


async def test_a_link_that_does_not_fit_is_refused_with_the_reason(pair: Pair) -> None:
    link = await pair.shed.link()
    await pair.house.page.post(AT, json={"link": link})
    await eventually(lambda: pair.house.member.state is StandbyMemberState.READY, "the connection")
    await pair.house.page.delete(AT)
    await eventually(lambda: pair.shed.server.states() == [], "the standby to forget it")
    assert "was used already, or has expired" in await pair.house.refused(link)
    late = await pair.shed.link()
    pair.clock.advance(601)
    assert "was used already, or has expired" in await pair.house.refused(late)
    await pair.join()
    for path in ("/preview", ""):
        assert await pair.house.refused("https://example.org/", path) == "This isn't a link of a hub or a standby."
        to_hub = str(replace(JoinLink.parse(link), to="hub"))
        assert await pair.house.refused(to_hub, path) == "This link leads to a hub, not to a standby."
        assert "can't be its own standby" in await pair.shed.refused(link, path)
        forged = str(replace(JoinLink.parse(link), hub="f" * 43))
        assert "This recorder has a standby at" in await pair.house.refused(forged, path)
        nowhere = f"http://127.0.0.1:9/join#standby.{'c' * 22}.{'h' * 43}"
        assert "cannot connect to http://127.0.0.1:9: Connection refused" in await pair.shed.refused(nowhere, path)


async def test_what_answers_with_another_key_is_refused(pair: Pair) -> None:
    forged = str(replace(JoinLink.parse(await pair.shed.link()), hub="f" * 43))
    assert "another key" in await pair.house.refused(forged, "/preview")
    assert read_settings(pair.house.file).standby.address == ""


async def test_a_recorder_without_a_settings_file_says_so(tmp_path: Path) -> None:
    service = StandbyService(ChangeableSettings(Settings, lambda *_: None, None), parts_of(tmp_path))
    assert not service.now().can_join
    house = make_house(tmp_path / "own")
    house.site.standbys = service
    page = house.signed_in(Role.OWNER)
    for answer in (
        await page.post(f"{AT}/invitations"),
        await page.post(AT, json={"link": f"http://127.0.0.1:9/join#standby.{'c' * 22}.{'h' * 43}"}),
    ):
        assert (answer.status_code, answer.json()["hint"][:22]) == (409, "Create a settings file")
    house.accounts.close()


# What became of a takeover, by the recorder's own gaps.

SILENT_MS, BEGIN_MS, END_MS = 100_000, 103_000, 160_000
"""Long before the clock's time."""
OFF, FILLED = GapReason.RECORDER_OFF, GapReason.FILLED
CHOSEN = f'[standby]\naddress = "http://192.0.2.9"\nkey = "{"k" * 43}"\n'


def parts_of(folder: Path, index: MemoryIndex | None = None) -> StandbyParts:
    """Of a recorder that is not running."""
    clock = FakeClock()
    member = StandbyMember(folder, lambda: Settings().standby, no_offer, clock)
    server = StandbyServer(None, clock, Work(), lambda: False, str, lambda _: None)
    return StandbyParts(
        folder, member, server, index or MemoryIndex(), clock, StandbyPlan,
        lambda box, one: id_at_standby(box.id, box.key, one), str, tuple,
    )  # fmt: skip


def no_offer() -> StandbyOffer:
    raise AssertionError("it is never connected")


@pytest.mark.parametrize(
    ("gaps", "end_ms", "is_handed", "lost_ms", "handing"),
    [
        ([], END_MS, True, 0, "nothing"),
        ([(SILENT_MS, END_MS, OFF)], None, False, 3000, "lasting"),
        ([(SILENT_MS, END_MS, OFF)], END_MS, False, 3000, "waiting"),
        ([(SILENT_MS, END_MS, OFF)], END_MS, True, 3000, "kept"),
        ([(SILENT_MS, 104_000, OFF), (104_000, END_MS, FILLED)], END_MS, True, 4000, "handed"),
        ([(SILENT_MS, 104_000, OFF), (104_000, END_MS, GapReason.PRIVACY)], END_MS, True, 3000, "nothing"),
        ([(50_000, 60_000, OFF), (170_000, 180_000, OFF)], END_MS, True, 0, "nothing"),
    ],
    ids=["none", "lasts", "waits", "kept", "handed", "private", "other times"],
)
def test_the_recorders_gaps_say_what_became_of_a_takeover(
    tmp_path: Path,
    gaps: Sequence[tuple[int, int, GapReason]],
    end_ms: int | None,
    is_handed: bool,
    lost_ms: int,
    handing: str,
) -> None:
    parts = parts_of(tmp_path, MemoryIndex())
    for begin_ms, until_ms, reason in gaps:
        parts.index.put_gap(Gap(CameraId("front"), begin_ms, until_ms, reason))
    parts.member.known.takeovers = [Takeover("front", SILENT_MS, BEGIN_MS, end_ms, is_handed)]
    own = StandbyService(ChangeableSettings(lambda: settings_of(CHOSEN), lambda *_: None, None), parts).now().own
    assert own is not None
    [shown] = own.takeovers
    assert (shown.lost_ms, shown.handing, shown.end_ms) == (lost_ms, handing, end_ms)


def settings_of(text: str) -> Settings:
    settings, problems = parse_settings(text, {})
    assert settings is not None, problems
    return settings


PRESENCE = 'presence.people = { anna = { ping = ["192.0.2.9"] } }\n'
CAMERA = '[cameras.front]\nsource = "rtsp://192.0.2.7/"\n'


@pytest.mark.parametrize(
    ("text", "modes"),
    [
        ("", ()),
        ("[modes]\nhome.cameras.front = { privacy = true }\n", ()),
        (f"[modes]\n{PRESENCE}", ()),
        (f"[modes]\n{PRESENCE}home.cameras.front = {{ privacy = true }}\n", ("home",)),
        (f'[modes]\n{PRESENCE}away.cameras.front = {{ record = "off" }}\n', ("away",)),
        (f"[modes]\n{PRESENCE}night.cameras.front = {{ privacy = true }}\n", ()),
        (f"[modes]\n{PRESENCE}presence.automatic = false\nhome.cameras.front = {{ privacy = true }}\n", ()),
        (f'[modes]\n{PRESENCE}home.cameras.front = {{ record = "events" }}\n', ()),
    ],
    ids=["none", "no presence", "no mode", "private", "off", "by schedule", "not automatic", "recorded"],
)
def test_modes_of_presence_that_keep_a_camera_off_are_named(text: str, modes: tuple[str, ...]) -> None:
    assert unknown_modes(settings_of(CAMERA + text)) == modes
