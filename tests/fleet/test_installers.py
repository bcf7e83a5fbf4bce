"""The installer's view: health and settings of all recorders; pictures only by a pass of the owner, which ends."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import httpx
import pytest

from tawny.api.application import make_app
from tawny.api.auth.accounts import Caller, Role
from tawny.api.fleet.box_requests import PICTURES_SEEN, BoxRequestHandler
from tawny.api.fleet.installer_rights import STATUS_FIELD, allowed_to, camera_named, pass_in
from tawny.config.settings import Settings
from tawny.fleet.box import BoxOffer
from tawny.fleet.fleet_index import PlacedCamera
from tawny.fleet.hub_pass import FILE_NAME, LONGEST_PASS_S, PASS_SHARES, PassStore, PassUse
from tawny.model.errors import NotDone
from tawny.model.ids import CameraId
from tawny.model.times import Span
from tawny.service.diagnosis.bundle import DiagnosticsService, RunningState
from tawny.service.diagnosis.doctor import ExaminedRecorder
from tawny.service.plugin_registry import PluginRegistry
from tawny.testing.clock import FakeClock
from tests.api.fakes import House, make_house
from tests.fleet.rig import BoxRig, HubRig, eventually, hub_rig

FULL = ("health", "events", "live", "clips", "orders", "settings")
INSTALLED = ("health", "settings")
SNAPSHOT = "/api/v1/cameras/porch/snapshot?width=320"
JPEG = b"\xff\xd8jpeg"
HUB = "h" * 43
PICTURES = (
    ("events", "/api/v1/events"),
    ("live", "/api/v1/live/clock"),
    ("clips", "/api/v1/cameras/porch/figures?from_ms=1&to_ms=2"),
    ("events", "/media/e-1.jpg"),
    ("live", "/api/v1/plan/image"),
    ("live", SNAPSHOT),
)


def status(**more: Any) -> dict[str, Any]:
    return {"working": 1, "expected": 1, "cameras": [], "warnings": [], "disk": {"keeps_days": 12.5}, **more}


@dataclass
class StatedBox(BoxRig):
    """A box that says of its health what a test wants."""

    told: Callable[[], dict[str, Any]] = status
    name: str = "Shed"
    version: str = "1"

    def offer(self) -> BoxOffer:
        return replace(super().offer(), name=self.name, version=self.version, status=self.told)


@dataclass
class Installed:
    """A hub with one box, whose owner has given `allowed`."""

    house: House
    remote: House
    rig: HubRig
    box: StatedBox
    passes: PassStore
    allowed: set[str] = field(default_factory=lambda: set(INSTALLED))

    async def ask(self, path: str, role: Role = Role.INSTALLER) -> httpx.Response:
        return await asyncio.wait_for(self.house.signed_in(role).get(f"/boxes/shed{path}"), 30)

    async def give(self, *shares: str, lasts_s: float = 3600) -> None:
        """Give a pass, and wait until the hub knows."""
        self.passes.give(lasts_s, shares or PASS_SHARES)
        await eventually(lambda: bool(pass_in(self.rig.hub.status("shed"))[0]), "the hub to know of the pass")

    def show(self, allow: tuple[str, ...], at: str = "") -> None:
        """Let the box answer all with a picture. at: its time."""

        async def picture(scope: Any, receive: Any, send: Any) -> None:
            headers = [(b"content-type", b"image/jpeg"), (b"content-length", str(len(JPEG)).encode())]
            headers += [(b"x-at-ms", at.encode())] if at else []
            await send({"type": "http.response.start", "status": 200, "headers": headers})
            await send({"type": "http.response.body", "body": JPEG})

        self.box.allow = allow
        use = PassUse(self.passes, lambda *_: None)
        self.box.answer = BoxRequestHandler(picture, lambda: frozenset(allow), use)

    def log(self) -> list[tuple[str, str]]:
        return [(one.person, one.detail) for one in self.remote.accounts.audit(limit=50) if one.action == PICTURES_SEEN]


@pytest.fixture
async def installed(house: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Installed]:
    monkeypatch.setattr("tawny.fleet.box.STATUS_S", 0.02)
    remote = make_house(tmp_path / "remote")
    remote.accounts.put_person("Ben", Role.OWNER)
    remote = replace(remote, app=make_app(remote.site))
    settings = Settings.model_validate({"cameras": {"front": {"source": "rtsp://ben:hunter22@192.168.1.9/main"}}})
    state = RunningState(dict, str, dict, list)
    remote.site.diagnostics = DiagnosticsService(
        lambda: ExaminedRecorder(None, settings), state, PluginRegistry.opened(), remote.clock
    )
    house.app.state.site = house.site
    store = PassStore(tmp_path, remote.clock, lambda: HUB)

    def told() -> dict[str, Any]:
        given = store.now()
        cameras = [{"id": "porch", "state": "recording"}]
        return status(cameras=cameras) | {
            STATUS_FIELD: {"until_ms": given.until_ms, "shares": list(given.shares)} if given else None
        }

    async with hub_rig("memory", house) as rig:
        box = StatedBox(tmp_path / "box", allow=FULL, told=told)
        made = Installed(house, remote, rig, box, store)
        use = PassUse(store, lambda person, what: remote.accounts.note(PICTURES_SEEN, person, Caller(""), what))
        box.answer = BoxRequestHandler(remote.app, lambda: frozenset(made.allowed), use)
        await rig.join(box)
        yield made
    remote.accounts.close()


# The pass


def test_a_pass_ends_by_time(tmp_path: Path) -> None:
    clock = FakeClock()
    store = PassStore(tmp_path, clock, lambda: HUB)
    given = store.give(3600, ["live"])
    assert (tmp_path / FILE_NAME).stat().st_mode & 0o777 == 0o600
    assert PassStore(tmp_path, clock, lambda: HUB).now() == given  # also after a restart
    clock.advance(3599)
    assert store.now() == given
    clock.advance(1)
    assert store.now() is None


@pytest.mark.parametrize("back_s", [1800, 72 * 3600])
def test_a_clock_set_back_gives_no_longer_pass(tmp_path: Path, back_s: float) -> None:
    clock = FakeClock()
    store = PassStore(tmp_path, clock, lambda: HUB)
    store.give(3600, ["live"])
    clock.advance(1801)
    clock.jump_utc(-back_s)
    clock.advance(1799)
    assert store.now() is None


@pytest.mark.parametrize("other", ["o" * 43, ""])
def test_a_pass_is_for_the_hub_that_it_was_given_to(tmp_path: Path, other: str) -> None:
    """The settings may name another one, as after a restore, or none."""
    clock, key = FakeClock(), [HUB]
    store = PassStore(tmp_path, clock, lambda: key[0])
    given = store.give(3600, ["live"])
    key[0] = other
    assert store.now() is None
    key[0] = HUB
    assert store.now() == given


def test_a_pass_without_a_hub_is_none(tmp_path: Path) -> None:
    """Earlier versions wrote no hub."""
    clock = FakeClock()
    store = PassStore(tmp_path, clock, lambda: "")
    store.give(3600, ["live"])
    assert store.now() is None
    (tmp_path / FILE_NAME).write_text(json.dumps({"until_ms": clock.now_ms() + 9000, "shares": ["live"]}))
    assert store.now() is None


def test_a_pass_ends_by_the_owner(tmp_path: Path) -> None:
    store = PassStore(tmp_path, FakeClock(), lambda: HUB)
    store.give(3600, PASS_SHARES)
    assert store.end()
    assert (store.now(), store.end()) == (None, False)


@pytest.mark.parametrize(
    ("lasts_s", "shares"),
    [(0, ["live"]), (-1, ["live"]), (LONGEST_PASS_S + 1, ["live"]), (60, []), (60, ["orders"]), (60, ["live", "x"])],
)
def test_what_is_no_pass_is_refused(tmp_path: Path, lasts_s: float, shares: list[str]) -> None:
    store = PassStore(tmp_path, FakeClock(), lambda: HUB)
    with pytest.raises(NotDone):
        store.give(lasts_s, shares)
    assert store.now() is None


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", "null", '{"until_ms": "9", "shares": ["live"]}', '{"until_ms": 9}', '{"until_ms": true}',
     "\x00" * 9, "[" * 2000],
)  # fmt: skip
def test_a_damaged_pass_is_none(tmp_path: Path, text: str) -> None:
    (tmp_path / FILE_NAME).write_text(text)
    assert PassStore(tmp_path, FakeClock(), lambda: HUB).now() is None


@pytest.mark.parametrize(("claimed_s", "is_one"), [(LONGEST_PASS_S, True), (LONGEST_PASS_S + 1, False)])
def test_a_pass_that_claims_to_last_too_long_is_none(tmp_path: Path, claimed_s: float, *, is_one: bool) -> None:
    clock = FakeClock()
    store = PassStore(tmp_path, clock, lambda: HUB)
    store.give(60, ["live"])
    stated = json.loads((tmp_path / FILE_NAME).read_text())
    stated |= {"until_ms": clock.now_ms() + round(claimed_s * 1000), "lasts_s": 1e9, "ends_s": clock.mono_s() + 1e9}
    (tmp_path / FILE_NAME).write_text(json.dumps(stated))
    assert (store.now() is not None) is is_one


def test_a_recorder_without_a_folder_gives_none() -> None:
    store = PassStore(None, FakeClock(), lambda: HUB)
    assert (store.now(), store.end()) == (None, False)
    with pytest.raises(NotDone):
        store.give(60, ["live"])


# Rights


@pytest.mark.parametrize("role", [one.value for one in Role] + ["", "king"])
def test_only_installers_and_owners_get_more_by_a_pass(role: str) -> None:
    allow, passed = frozenset({"health", "settings", "orders"}), frozenset({"live"})
    base = allow - {"orders"} if role == "installer" else allow
    expected = base | passed if role in ("installer", "owner") else base
    assert allowed_to(role, allow, passed) == expected


@pytest.mark.parametrize(
    "said",
    [
        None, 5, {}, {"until_ms": 5}, {"until_ms": "5", "shares": []}, {"shares": ["live"]},
        {"until_ms": True, "shares": []},
    ],
)  # fmt: skip
def test_a_box_that_tells_nonsense_has_no_pass(said: object) -> None:
    assert pass_in({STATUS_FIELD: said}) == (0, frozenset())


def test_a_box_tells_of_pictures_only() -> None:
    assert pass_in({STATUS_FIELD: {"until_ms": 7, "shares": ["live", "orders", 5]}}) == (7, frozenset({"live"}))


@pytest.mark.parametrize(
    ("path", "query", "camera"),
    [
        ("/api/v1/cameras/porch/snapshot", {}, "porch"), ("/api/v1/clip", {"camera": "porch"}, "porch"),
        ("/api/v1/cameras", {}, ""), ("/api/v1/events", {}, ""),
    ],
)  # fmt: skip
def test_the_log_names_the_camera(path: str, query: dict[str, str], camera: str) -> None:
    assert camera_named(path, query) == CameraId(camera)


@pytest.mark.parametrize(("share", "path"), PICTURES)
async def test_installers_get_no_pictures_without_a_pass(installed: Installed, share: str, path: str) -> None:
    installed.allowed |= set(FULL)  # the owner's family at the hub may see them
    async with installed.rig.connected(installed.box):
        refused = await installed.ask(path)
        assert (refused.status_code, refused.json()["code"]) == (403, "no_pass")
        assert "pass" in refused.json()["message"]
        assert (await installed.ask(path, Role.OWNER)).status_code != 403


@pytest.mark.parametrize(("share", "path"), PICTURES)
async def test_a_pass_shows_what_it_names(installed: Installed, share: str, path: str) -> None:
    async with installed.rig.connected(installed.box):
        assert (await installed.ask(path, Role.OWNER)).status_code == 403
        await installed.give(share)
        for role in (Role.INSTALLER, Role.OWNER):
            assert (await installed.ask(path, role)).status_code != 403
        for role in (Role.MEMBER, Role.VIEWER):
            assert (await installed.ask(path, role)).status_code == 403
        installed.passes.end()
        for role in (Role.INSTALLER, Role.OWNER):
            assert (await installed.ask(path, role)).status_code == 403


async def test_a_box_refuses_by_itself_what_a_hub_claims(installed: Installed) -> None:
    """The hub says that there is a pass; the box knows that there is none."""
    claimed = {STATUS_FIELD: {"until_ms": installed.remote.clock.now_ms() + 9999, "shares": list(PASS_SHARES)}}
    installed.box.told = lambda: status() | claimed
    async with installed.rig.connected(installed.box):
        await eventually(lambda: bool(pass_in(installed.rig.hub.status("shed"))[0]), "the claim")
        refused = await installed.ask("/api/v1/events")
        assert (refused.status_code, refused.json()["code"]) == (403, "no_pass")


async def test_a_box_of_an_earlier_version_shows_installers_nothing(installed: Installed) -> None:
    """It takes the unknown role for a guest, and allows live video: the hub doesn't ask it."""
    installed.box.told = status
    asked: list[str] = []

    async def answer(request: Any, exchange: Any) -> None:
        asked.append(request["path"])

    installed.box.answer = answer
    async with installed.rig.connected(installed.box):
        assert (await installed.ask("/api/v1/live/clock")).status_code == 403
        assert asked == []


async def test_who_saw_what_is_in_the_log_of_the_box(installed: Installed) -> None:
    async with installed.rig.connected(installed.box):
        await installed.give()
        browser = installed.house.signed_in(Role.INSTALLER)
        name = next(one.name for one in installed.house.accounts.people() if one.role is Role.INSTALLER)
        for _ in range(3):  # one line for all of them
            await browser.get("/boxes/shed/api/v1/cameras/porch/snapshot?width=320")
        await browser.get("/boxes/shed/api/v1/events")
        assert sorted(installed.log()) == [(f"{name} (hub)", "events"), (f"{name} (hub)", "live video of porch")]


@pytest.mark.parametrize("ends", ["by the owner", "by time"])
async def test_what_runs_is_cut_when_the_pass_ends(installed: Installed, ends: str) -> None:
    """A live stream without an end, to a page that stays open."""
    running = asyncio.Event()

    async def stream(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"video/mp4")]})
        running.set()
        while True:
            await send({"type": "http.response.body", "body": b"x" * 100, "more_body": True})
            await asyncio.sleep(0.01)

    use = PassUse(installed.passes, lambda *_: None)
    installed.box.answer = BoxRequestHandler(stream, lambda: frozenset(installed.allowed), use)
    async with installed.rig.connected(installed.box):
        await installed.give(lasts_s=60)
        asking = asyncio.create_task(installed.ask("/api/v1/cameras/porch/mjpeg"))
        await asyncio.wait_for(running.wait(), 20)
        loop = asyncio.get_running_loop()
        if ends == "by time":
            installed.remote.clock.advance(60)
        else:
            installed.passes.end()
        ended_s = loop.time()
        answer = await asyncio.wait_for(asking, 20)
        assert (answer.status_code, loop.time() - ended_s < 4) == (200, True)


# Settings


async def test_settings_are_shown_without_secrets(installed: Installed) -> None:
    async with installed.rig.connected(installed.box):
        for role in (Role.INSTALLER, Role.OWNER):
            text = (await installed.ask("/api/v1/settings/text", role)).json()["text"]
            assert 'cameras.front.source = "rtsp://192.168.1.9/main"' in text
            assert "hunter22" not in text
            assert len(text.splitlines()) == 1, text  # what is as usual isn't said
        for role in (Role.MEMBER, Role.VIEWER):
            assert (await installed.ask("/api/v1/settings/text", role)).status_code == 403
        installed.allowed.discard("settings")
        refused = await installed.ask("/api/v1/settings/text")
        assert (refused.status_code, refused.json()["code"]) == (403, "not_allowed_by_recorder")


@pytest.mark.parametrize("path", ["/api/v1/settings", "/api/v1/people", "/api/v1/diagnostics/bundle", "/api/v1/log"])
async def test_installers_get_nothing_else_of_a_box(installed: Installed, path: str) -> None:
    async with installed.rig.connected(installed.box):
        await installed.give()
        assert (await installed.ask(path)).status_code == 403


# The list


async def listed(house: House, role: Role = Role.INSTALLER) -> list[dict[str, Any]]:
    answer = await house.signed_in(role).get("/api/v1/fleet/maintenance")
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()["recorders"]
    return found


async def test_three_hundred_homes_are_one_list_with_problems_first(house: House) -> None:
    house.app.state.site = house.site
    front = {"name": "Front", "state": "offline", "detail": "No route to host."}
    async with hub_rig("memory", house) as rig:
        for number in range(300):
            code, _ = rig.index.invite()
            box = rig.index.join(code, f"Home {number:03}", bytes([number // 256, number % 256]) * 16, "words")
            assert box is not None
            result = status(cameras=[front], working=0, newer="1.5") if number == 42 else status()
            rig.index.note(box.id, "1.4", INSTALLED, result)
        found = await listed(house)
        assert len(found) == 300
        assert {one["level"] for one in found} == {"offline"}
        row = next(one for one in found if one["name"] == "Home 042")
        assert row["problems"] == [{"camera": "Front", "state": "offline", "what": "No route to host.", "do": ""}]
        assert (row["version"], row["newer"], row["disk_days"]) == ("1.4", "1.5", 12.5)
        assert (row["working"], row["expected"]) == (0, 1)


@pytest.mark.parametrize(
    ("told", "allow", "level"),
    [
        (status(), INSTALLED, "fine"),
        (status(cameras=[{"name": "Front", "state": "frozen", "detail": ""}]), INSTALLED, "problem"),
        (status(warnings=[{"message": "The disk is slow.", "hint": "Use another one."}]), INSTALLED, "warning"),
        (status(cameras=[{"name": "A", "state": "paused"}, 5, {"state": "odd"}], warnings=[{}, 3]), INSTALLED, "fine"),
        (status(), ("settings",), "unknown"),
        (status(cameras=[{"name": "A", "state": "odd"}], working=0), INSTALLED, "problem"),
        (status(expected=2), INSTALLED, "problem"),
        (status(cameras=[{"name": "A", "state": "starting"}], working=0), INSTALLED, "fine"),
        (status(cameras=[{"state": "recording"}] * 70 + [{"state": "offline"}]), INSTALLED, "problem"),
        (status(cameras=7, warnings=None, disk=5, working="1"), INSTALLED, "fine"),
    ],
)  # fmt: skip
async def test_the_worst_problem_decides(
    installed: Installed, told: dict[str, Any], allow: tuple[str, ...], level: str
) -> None:
    installed.box.told, installed.box.allow = lambda: told, allow
    async with installed.rig.connected(installed.box):
        known = installed.rig.hub.status
        await eventually(lambda: "health" not in allow or known("shed") == told, "its health")
        [row] = await listed(installed.house)
        assert (row["online"], row["level"]) == (True, level)


async def test_a_camera_in_a_state_of_a_newer_version_is_named_if_too_few_record(house: House) -> None:
    house.app.state.site = house.site
    dark = {"name": "Front", "state": "too_dark", "detail": "It is too dark."}
    async with hub_rig("memory", house) as rig:
        for name, text in (("A", status(cameras=[dark], working=0)), ("B", status(working=0, summary="0 of 1."))):
            code, _ = rig.index.invite()
            box = rig.index.join(code, name, name.encode() * 32, "words")
            assert box is not None
            rig.index.note(box.id, "2", INSTALLED, text)
        found = {one["name"]: one["problems"] for one in await listed(house)}
    assert found["A"] == [{"camera": "Front", "state": "unknown", "what": "It is too dark.", "do": ""}]
    assert found["B"] == [{"camera": "", "state": "unknown", "what": "0 of 1.", "do": ""}]


async def test_the_list_shows_a_pass(installed: Installed) -> None:
    async with installed.rig.connected(installed.box):
        await installed.give(lasts_s=60)
        [row] = await listed(installed.house)
        assert row["pass_until_ms"] is not None
    [row] = await listed(installed.house)
    assert (row["level"], row["pass_until_ms"]) == ("offline", None)


@pytest.mark.parametrize(("role", "expected"), [(Role.OWNER, 200), (Role.MEMBER, 403), (Role.VIEWER, 403)])
async def test_the_list_is_for_installers_and_owners(installed: Installed, role: Role, expected: int) -> None:
    answer = await installed.house.signed_in(role).get("/api/v1/fleet/maintenance")
    assert answer.status_code == expected


@pytest.mark.parametrize("path", ["/api/v1/fleet", "/api/v1/fleet/events", "/api/v1/fleet/timeline?from_ms=1&to_ms=2"])
async def test_installers_see_no_other_page_of_the_hub(installed: Installed, path: str) -> None:
    assert (await installed.house.signed_in(Role.INSTALLER).get(path)).status_code == 404


async def test_installers_see_no_camera_of_the_hub_itself(house: House) -> None:
    house.app.state.site = house.site
    browser = house.signed_in(Role.INSTALLER)
    assert (await browser.get("/api/v1/cameras")).json()["items"] == []
    assert (await browser.get("/api/v1/cameras/porch/snapshot")).status_code == 404
    assert (await browser.get("/api/v1/session")).json()["user"]["role"] == "installer"


async def test_an_offline_home_is_said_to_be_so(installed: Installed) -> None:
    for path in ("/api/v1/settings/text", "/api/v1/health"):
        answer = await installed.ask(path)
        assert (answer.status_code, answer.json()["code"]) == (503, "recorder_offline")


# No picture stays


@pytest.mark.parametrize(("allow", "kept"), [(FULL, True), (INSTALLED, False)])
async def test_the_hub_keeps_no_picture_that_a_pass_showed(
    installed: Installed, allow: tuple[str, ...], kept: bool
) -> None:
    installed.show(allow)
    last = "/api/v1/fleet/boxes/shed/cameras/porch/picture"
    async with installed.rig.connected(installed.box):
        await installed.give()
        browser = installed.house.signed_in(Role.OWNER)
        assert (await browser.get(f"/boxes/shed{SNAPSHOT}")).content == JPEG
        assert (await browser.get(last)).status_code == (200 if kept else 404)


@pytest.mark.parametrize(("at", "known"), [("5000", 5000), ("", None), ("9" * 5000, None), ("-5", None)])
async def test_a_kept_picture_has_its_time_by_the_recorder(installed: Installed, at: str, known: int | None) -> None:
    """The last image of a camera that is offline is old. Without a valid time, it counts as new."""
    installed.show(FULL, at)
    async with installed.rig.connected(installed.box):
        await eventually(lambda: "cameras" in installed.rig.hub.status("shed"), "the hub to know the camera")
        assert (await installed.ask(SNAPSHOT, Role.OWNER)).content == JPEG
    expected = FakeClock().now_ms() if known is None else known
    assert installed.rig.index.picture_times() == {("shed", "porch"): expected}


async def test_a_picture_of_deleted_time_is_not_kept_again(installed: Installed) -> None:
    """A recorder goes on showing the last image of a camera that is offline."""
    installed.show(FULL, "5000")
    gap = {"camera": "porch", "begin_ms": 4000, "end_ms": 6000, "reason": "removed", "detail": ""}
    installed.box.write(json.dumps({"at_ms": 6000, "what": "gap", "gap": gap}).encode() + b"\n")
    index, porch = installed.rig.index, PlacedCamera("shed", CameraId("porch"))
    async with installed.rig.connected(installed.box):
        await eventually(lambda: "cameras" in installed.rig.hub.status("shed"), "the hub to know the camera")
        await eventually(lambda: bool(index.lanes([porch], Span(0, 9000))[0].gaps), "the hub to know the gap")
        assert (await installed.ask(SNAPSHOT, Role.OWNER)).content == JPEG
        assert index.picture_times() == {}


@pytest.mark.parametrize(
    ("allow", "state"), [(FULL, "paused"), (("live", "events"), "recording"), (("live", "health"), "recording")]
)
async def test_no_picture_is_kept_that_may_not_stay(installed: Installed, allow: tuple[str, ...], state: str) -> None:
    """Such as one that was under way when the camera was paused."""
    installed.box.told = lambda: status(cameras=[{"id": "porch", "state": state}])
    installed.show(allow)
    async with installed.rig.connected(installed.box):
        if "health" in allow:
            await eventually(lambda: "cameras" in installed.rig.hub.status("shed"), "the hub to know the camera")
        assert (await installed.ask(SNAPSHOT, Role.OWNER)).content == JPEG
        assert installed.rig.index.picture_times() == {}


async def test_a_kept_picture_is_not_shown_once_live_video_is_not_allowed(installed: Installed) -> None:
    installed.rig.index.keep_picture("shed", CameraId("porch"), b"jpeg")
    last = "/api/v1/fleet/boxes/shed/cameras/porch/picture"
    for allow, expected in ((FULL, 200), (INSTALLED, 404)):
        installed.rig.index.note("shed", "1", allow, status(cameras=[{"id": "porch", "state": "recording"}]))
        assert (await installed.house.signed_in(Role.OWNER).get(last)).status_code == expected


async def test_the_last_picture_of_a_camera_goes_as_soon_as_it_is_paused(installed: Installed) -> None:
    state = ["recording"]
    installed.box.told = lambda: status(cameras=[{"id": "porch", "state": state[0]}])
    async with installed.rig.connected(installed.box):
        await eventually(lambda: "cameras" in installed.rig.hub.status("shed"), "the hub to know the camera")
        installed.rig.index.keep_picture("shed", CameraId("porch"), b"jpeg")
        state[0] = "paused"
        await eventually(lambda: not installed.rig.index.picture_times(), "the picture to be deleted", 20)
