"""Unlocking on the recorder: for one session alone, as long as it lasts, and every way to see the past obeys it."""

import asyncio
import json
from base64 import b64decode, b64encode
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import httpx
import pytest

from tawny.api.auth.access import COOKIE
from tawny.api.auth.accounts import Caller, Role
from tawny.api.auth.unlocks import IDLE_S, MOST_S, OFFER_S, UnlockedSession
from tawny.config.loader import read_settings
from tawny.config.settings import Settings
from tawny.media.image.jpeg import jpeg
from tawny.model.events import Event
from tawny.model.ids import CameraId, EventId
from tawny.model.segments import Segment
from tawny.playback.clips import ClipFile
from tawny.sealed.file_reader import InMemorySource as InMemory
from tawny.sealed.file_reader import open_sealed, scan_file
from tawny.sealed.header import HEADER_BYTES
from tawny.sealed.key_wrapping import Identity, short_name, wrap
from tawny.sealed.sealer import RingLine
from tawny.sealed.statements import statements_name
from tawny.service.changeable_settings import ChangeableSettings
from tawny.service.sealing.sealing_service import SealingService, UnlockMethodStore
from tawny.storage.disk.volume import Volume
from tawny.storage.history.signed_history import SignedHistory
from tests.api.fakes import ORIGIN, OURS, House
from tests.playback.archives import PORCH
from tests.playback.sealed_archives import sealed, sealed_jpeg
from tests.sealed.test_held import handed, raw
from tests.support.red_window import WINDOW, shares, strip, view

OWNER, SHEET, OTHER = Identity.new(), Identity.new(), Identity.new()
KEYS = f'[encryption]\nrecipients = ["{OWNER.recipient}"]\nrecovery = "{SHEET.recipient}"\n'
CAMERA = '[cameras.porch]\nsource = "demo:front"\n'
JPEG = b"\xff\xd8 somebody at the door \xff\xd9"


@dataclass
class Sealed:
    house: House
    segment: Segment
    config: Path
    clear: bytes

    @property
    def ways(self) -> dict[str, str]:
        """Everything that shows what was recorded."""
        at_ms = self.segment.start_ms + 1500
        span = f"from_ms={self.segment.start_ms}&to_ms={self.segment.end_ms}"
        return {
            "play": f"/media/{self.segment.id}/play",
            "preview": f"/api/v1/cameras/porch/frame?at_ms={at_ms}",
            "picture": f"/api/v1/cameras/porch/picture?at_ms={at_ms}",
            "clip": f"/api/v1/clip?camera=porch&{span}",
            "sheet": f"/api/v1/clip/sheet?camera=porch&{span}",
            "event": "/media/event.jpg",
            "event clip": "/media/event.mp4",
            "loop": "/api/v1/events/event/loop",
            "objects": "/api/v1/events/event/objects",
        }

    async def unlock(self, browser: httpx.AsyncClient, key: Identity = OWNER, way: str = "words") -> httpx.Response:
        offer = (await browser.post("/api/v1/sealed/offer", json={})).json()["key"]
        own, secret = handed(b64decode(offer), raw(key))
        asked = {"offer": offer, "key": text(own), "sealed": text(secret), "way": way}
        return await browser.post("/api/v1/sealed/unlock", json=asked)

    def opened(self, browser: httpx.AsyncClient) -> UnlockedSession:
        session = self.house.accounts.session(browser.cookies[COOKIE])
        assert session
        found = self.house.site.unlocks.of(session)
        assert found
        return found

    def log(self) -> list[tuple[str, str]]:
        return [(row.action, row.detail) for row in reversed(self.house.accounts.audit()) if "lock" in row.action]


def text(data: bytes) -> str:
    return b64encode(data).decode()


@pytest.fixture
def there(house: House, tmp_path: Path) -> Iterator[Sealed]:
    config = tmp_path / "tawny.toml"
    config.write_text(f"{KEYS}{CAMERA}encrypt = true\n")
    set_desk(house, config)
    start_ms = house.clock.now_ms() - 60_000
    segment = house.recorder.record(start_ms)
    clear = house.recorder.segment_path(segment).read_bytes()
    event = Event(EventId("event"), PORCH, "person", start_ms + 1000, start_ms + 2000, 70.0)
    house.recorder.index.put_event(event)
    path = tmp_path / "event.tws"
    path.write_bytes(sealed_jpeg([OWNER.recipient], start_ms, JPEG))
    house.recorder.sealed_pictures[event.id] = house.recorder.sealed_paths[event.id] = path
    yield Sealed(house, sealed(house.recorder, segment, [OWNER.recipient, SHEET.recipient]), config, clear)
    house.site.unlocks.close()


def set_desk(house: House, config: Path) -> list[Settings]:
    now = [read_settings(config)]
    changeable = ChangeableSettings(lambda: now[-1], lambda new, _: now.append(new), config)
    house.site.sealed = SealingService(config.parent, house.clock, changeable, "f1")
    return now


async def statuses(there: Sealed, browser: httpx.AsyncClient) -> dict[str, int]:
    return {name: (await browser.get(path)).status_code for name, path in there.ways.items()}


async def test_without_the_key_every_way_says_that_it_is_sealed(there: Sealed) -> None:
    browser = there.house.signed_in()
    assert set((await statuses(there, browser)).values()) == {423}
    answer = (await browser.get(there.ways["play"])).json()
    assert (answer["code"], answer["message"]) == ("sealed", "This recording is encrypted.")
    (item,) = (await browser.get(f"/api/v1/cameras/porch/play?at_ms={there.segment.start_ms}")).json()["items"]
    assert item["sealed"]


async def test_who_unlocks_sees_all_of_it_and_nobody_else_does(there: Sealed) -> None:
    browser, other = there.house.signed_in(), there.house.signed_in()
    data = (await there.unlock(browser)).json()
    assert data["unlocked"]["opens"] == "a key that opens everything"
    assert set((await statuses(there, browser)).values()) == {200}
    assert there.clear.startswith((await browser.get(there.ways["play"])).content)
    assert (await browser.get(there.ways["event"])).content == JPEG
    assert set((await statuses(there, other)).values()) == {423}
    assert (await other.get("/api/v1/sealed")).json()["unlocked"] is None


async def test_who_unlocks_sees_images_of_events_with_the_privacy_masks(there: Sealed) -> None:
    browser, recorder = there.house.signed_in(), there.house.recorder
    stored = sealed_jpeg([OWNER.recipient], there.segment.start_ms, jpeg(view(640, 360)))
    recorder.sealed_pictures[EventId("event")].write_bytes(stored)
    recorder.hidden = (WINDOW,)
    await there.unlock(browser)
    assert shares((await browser.get(there.ways["event"])).content) == (0.0, 0.04)
    recorder.sealed_pictures[EventId("event")].write_bytes(
        sealed_jpeg([OWNER.recipient], there.segment.start_ms, strip(4, 640, 480))
    )
    assert shares((await browser.get(there.ways["loop"])).content) == (0.0, 0.04)


async def test_nothing_of_it_is_kept_by_browsers(there: Sealed) -> None:
    browser = there.house.signed_in()
    await there.unlock(browser)
    for path in there.ways.values():
        assert (await browser.get(path)).headers["cache-control"] == "no-store", path


@pytest.mark.parametrize("end", ["lock", "sign out", "idle", "12 hours", "ended by an owner", "tawny ends"])
async def test_it_is_locked_again(there: Sealed, end: str) -> None:
    browser = there.house.signed_in()
    await there.unlock(browser)
    site, clock = there.house.site, there.house.clock
    opened = there.opened(browser)
    assert (await browser.get(there.ways["play"])).status_code == 200
    if end == "lock":
        assert (await browser.post("/api/v1/sealed/lock", json={})).json()["unlocked"] is None
    elif end == "sign out":
        await browser.post("/api/v1/sign-out", json={})
    elif end == "idle":
        clock.advance(IDLE_S)
    elif end == "12 hours":
        for _ in range(round(MOST_S / 600)):
            clock.advance(600)
            opened.used_s = clock.mono_s()
    elif end == "ended by an owner":
        there.house.accounts.end_session(opened.session.key)
        site.unlocks.sweep()
    else:
        await site.close()
    expected = 401 if end in ("sign out", "ended by an owner") else 423
    assert set((await statuses(there, browser)).values()) == {expected}
    assert not opened.key.is_there
    whys = {"lock": "locked", "sign out": "signed out", "idle": "15 minutes without use"}
    whys |= {"ended by an owner": "signed out", "tawny ends": "tawny stopped"}
    assert there.log() == [
        ("unlocked", "words; a key that opens everything"),
        ("locked", whys.get(end, end)),
    ]


@pytest.mark.parametrize("is_locked", [True, False])
async def test_what_is_being_sent_ends_with_the_lock(
    there: Sealed, monkeypatch: pytest.MonkeyPatch, *, is_locked: bool
) -> None:
    monkeypatch.setattr("tawny.api.past.media_responses.LOOK_S", 0.0)
    browser = there.house.signed_in()
    await there.unlock(browser)
    opened, read, sent = there.opened(browser), ClipFile.read, list[int]()

    def reading(clip: ClipFile, begin: int, end: int) -> Iterator[bytes]:
        data = b"".join(read(clip, begin, end))
        for number, piece in enumerate((data[:10], data[10:20], data[20:])):
            if number == 1 and is_locked:
                there.house.site.unlocks.lock(opened.session.key, "locked")
            yield piece
            sent.append(number)

    monkeypatch.setattr(ClipFile, "read", reading)
    with suppress(AssertionError):  # the client insists on a complete answer
        await browser.get(there.ways["clip"])
    assert sent == ([0] if is_locked else [0, 1, 2])


async def test_use_keeps_it_unlocked(there: Sealed) -> None:
    browser = there.house.signed_in()
    await there.unlock(browser)
    for _ in range(5):
        there.house.clock.advance(IDLE_S - 1)
        assert (await browser.get(there.ways["play"])).status_code == 200
        there.house.site.unlocks.sweep()


async def test_it_is_forgotten_also_when_nobody_asks(there: Sealed, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tawny.api.auth.unlocks.LOOK_S", 0.01)
    browser = there.house.signed_in()
    await there.unlock(browser)
    opened = there.opened(browser)
    there.house.clock.advance(IDLE_S)
    async with asyncio.timeout(10):
        while opened.key.is_there:
            await asyncio.sleep(0.01)


async def test_the_sheet_opens_it_too_and_another_key_does_not(there: Sealed) -> None:
    browser = there.house.signed_in(Role.VIEWER)
    refused = await there.unlock(browser, OTHER)
    assert (refused.status_code, refused.json()["code"]) == (403, "wrong_key")
    result = await there.unlock(browser, SHEET)
    assert result.json()["unlocked"]["opens"] == "the recovery sheet, which opens everything"
    assert (await browser.get(there.ways["play"])).status_code == 200


async def test_an_earlier_key_of_the_recorder_unlocks_what_is_still_its(there: Sealed) -> None:
    browser, disk = there.house.signed_in(), Volume.at(there.config.parent).disk
    assert (await there.unlock(browser, OTHER)).json()["code"] == "wrong_key"
    SignedHistory.opened(disk, there.house.clock.now_ms(), lambda: [short_name(OTHER.recipient)]).state(
        there.house.clock.now_ms()
    )
    result = await there.unlock(browser, OTHER)
    assert result.json()["unlocked"]["opens"] == "an earlier key, which opens only what is still encrypted for it"
    asked = {"way": "words", "recipient": OTHER.recipient, "open": True}
    assert (await browser.post("/api/v1/sealed/in-browser", json=asked)).status_code == 200
    answer = await browser.get(there.ways["play"])
    assert (answer.status_code, answer.json()["message"]) == (423, "This recording is encrypted for another key.")


async def test_only_statements_name_earlier_keys_and_what_cannot_be_read_is_skipped(there: Sealed) -> None:
    history, browser = there.config.parent / "history" / "signed", there.house.signed_in()
    history.mkdir(parents=True)
    result = json.dumps({"recipients": [name := short_name(OTHER.recipient)]})
    (history / "items-1.jsonl").write_text(result)
    (history / statements_name("2026-11-19")).write_text(json.dumps({"prev": name, "recipients": []}))
    (history / statements_name("2026-11-18")).symlink_to("removed.jsonl")
    assert (await there.unlock(browser, OTHER)).json()["code"] == "wrong_key"
    (history / f"before-1a2b3c4d-{statements_name('2026-11-17')}").write_text(result)
    assert (await there.unlock(browser, OTHER)).status_code == 200


async def test_an_offer_is_good_once_and_soon(there: Sealed) -> None:
    browser = there.house.signed_in()
    offer = (await browser.post("/api/v1/sealed/offer", json={})).json()["key"]
    own, secret = handed(b64decode(offer), raw(OWNER))
    asked = {"offer": offer, "key": text(own), "sealed": text(secret), "way": "words"}
    assert (await browser.post("/api/v1/sealed/unlock", json=asked)).status_code == 200
    assert (await browser.post("/api/v1/sealed/unlock", json=asked)).status_code == 409
    offer = (await browser.post("/api/v1/sealed/offer", json={})).json()["key"]
    there.house.clock.advance(OFFER_S)
    assert (await browser.post("/api/v1/sealed/unlock", json=asked | {"offer": offer})).status_code == 409


async def test_no_key_is_sent_over_a_network_in_the_clear(there: Sealed) -> None:
    browser = there.house.signed_in()
    elsewhere = httpx.AsyncClient(
        transport=httpx.ASGITransport(there.house.app, client=("192.168.1.7", 1)),
        base_url=ORIGIN,
        headers=OURS,
        cookies=browser.cookies,
    )
    data = (await elsewhere.get("/api/v1/sealed")).json()
    assert not data["can_hand_over"]
    assert (await elsewhere.post("/api/v1/sealed/offer", json={})).json()["code"] == "not_safe"


async def test_who_may_see_less_now_is_locked_out(there: Sealed) -> None:
    browser = there.house.signed_in(Role.VIEWER)
    await there.unlock(browser)
    opened = there.opened(browser)
    there.house.accounts.change_person(opened.session.person, Role.VIEWER, [])
    assert (await browser.get(there.ways["play"])).status_code == 404
    assert not opened.key.is_there


async def test_what_is_sealed_is_not_saved_in_the_clear(there: Sealed) -> None:
    browser = there.house.signed_in()
    asked = {
        "cameras": ["porch"], "from_ms": there.segment.start_ms, "to_ms": there.segment.end_ms,
    }  # fmt: skip
    for _ in range(2):
        hints = []
        for kind in ("gif", "evidence"):
            answer = await browser.post("/api/v1/clips", json=asked | {"kind": kind})
            assert (answer.status_code, answer.json()["code"]) == (423, "sealed")
            hints.append(answer.json()["hint"].partition(" ")[0])
        assert hints == ["Unlock", "Use"]
        await there.unlock(browser)
    assert (await browser.get("/api/v1/clips")).json()["items"] == []


async def test_no_link_is_made_to_what_is_sealed(there: Sealed) -> None:
    """Nobody who opens it would see anything, and whoever unlocks it later would let them."""
    browser = there.house.signed_in()
    asked = {
        "camera": "porch", "from_ms": there.segment.start_ms, "to_ms": there.segment.end_ms, "lasts_s": 3600,
    }  # fmt: skip
    for _ in range(2):
        answer = await browser.post("/api/v1/shares", json=asked)
        assert (answer.status_code, answer.json()["code"]) == (423, "sealed")
        await there.unlock(browser)
    assert (await browser.get("/api/v1/shares")).json()["items"] == []


# --- setting it up ---------------------------------------------------------------------------------------------------


def wrapped(key: Identity) -> str:
    """An age file; what locks it does not matter here."""
    return text(wrap(raw(key), [OTHER.recipient]))


async def test_it_is_set_up_and_changed(house: House, tmp_path: Path) -> None:
    config = tmp_path / "tawny.toml"
    config.write_text(f"# mine\n{CAMERA}")
    now, browser = set_desk(house, config), house.signed_in()
    data = (await browser.get("/api/v1/sealed")).json()
    assert (data["set_up"], data["can_change"], data["recorder"]) == (False, True, "garage-pi")
    asked = {
        "recipient": OWNER.recipient, "recovery": SHEET.recipient, "wrapped": wrapped(OWNER),
        "everything": False, "cameras": ["porch"],
    }  # fmt: skip
    data = (await browser.post("/api/v1/sealed/set-up", json=asked)).json()
    assert data["set_up"]
    assert data["cameras"] == [{"id": "porch", "name": "Front door", "sealed": True}]
    assert now[-1].is_sealed("porch")
    assert config.read_text().startswith("# mine\n")
    (way,) = data["ways"]
    locked = (await browser.get(f"/api/v1/sealed/ways/{way['id']}")).json()
    assert locked["wrapped"] == asked["wrapped"]
    assert (tmp_path / "keys" / "owner.age").stat().st_mode & 0o777 == 0o600
    again = await browser.post("/api/v1/sealed/set-up", json=asked | {"recipient": OTHER.recipient})
    assert again.status_code == 400
    data = (await browser.put("/api/v1/sealed/cameras", json={"everything": True, "cameras": []})).json()
    assert data["everything"]
    assert now[-1].storage.encrypt
    assert now[-1].cameras["porch"].encrypt is None
    data = (await browser.put("/api/v1/sealed/cameras", json={"everything": False, "cameras": []})).json()
    assert not now[-1].is_sealed("porch")
    assert now[-1].encryption.recovery == SHEET.recipient, "keys stay: what was sealed needs them"


async def test_all_cameras_of_a_large_site_are_chosen(house: House, tmp_path: Path) -> None:
    config = tmp_path / "tawny.toml"
    many = [CameraId(f"cam-{number}") for number in range(100)]
    (porch,) = house.recorder.listed
    house.recorder.listed += [replace(porch, status=replace(porch.status, id=one)) for one in many]
    config.write_text(CAMERA + "".join(f'[cameras.{one}]\nsource = "rtsp://192.0.2.7/s"\n' for one in many))
    now, browser = set_desk(house, config), house.signed_in()
    asked = {
        "recipient": OWNER.recipient, "recovery": SHEET.recipient, "wrapped": wrapped(OWNER),
        "everything": False, "cameras": many,
    }  # fmt: skip
    assert (await browser.post("/api/v1/sealed/set-up", json=asked)).status_code == 200
    assert all(now[-1].is_sealed(one) for one in many)


async def test_ways_in_are_added_and_removed_but_for_the_last(there: Sealed) -> None:
    browser = there.house.signed_in()
    for name in ("Anna's phone", "A key"):
        data = (await browser.post("/api/v1/sealed/ways", json={"name": name, "wrapped": wrapped(OWNER)})).json()
        there.house.clock.advance(1)
    assert [way["name"] for way in data["ways"]] == ["Anna's phone", "A key"]
    first, second = (way["id"] for way in data["ways"])
    assert (await browser.delete(f"/api/v1/sealed/ways/{first}")).status_code == 200
    assert (await browser.delete(f"/api/v1/sealed/ways/{second}")).status_code == 400
    assert (await browser.delete(f"/api/v1/sealed/ways/{first}")).status_code == 400
    assert (await browser.get("/api/v1/sealed/ways/%2e%2e%2ftawny")).status_code in (404, 405)


async def test_ways_of_keys_in_force_come_first_and_earlier_ones_last(there: Sealed) -> None:
    await add_ways(there, earlier=OTHER, in_force=OWNER, unknown=None)
    data = (await there.house.signed_in().get("/api/v1/sealed")).json()
    assert [(way["name"], way["in_force"]) for way in data["ways"]] == [
        ("in_force", True),
        ("unknown", None),
        ("earlier", False),
    ]


async def test_the_only_way_known_for_a_key_in_force_stays(there: Sealed) -> None:
    browser, paths = there.house.signed_in(), await add_ways(there, earlier=OTHER, in_force=OWNER)
    refused = await browser.delete(paths["in_force"])
    assert (refused.status_code, "only unlock method known" in refused.json()["message"]) == (400, True)
    await add_ways(there, another=OWNER)
    assert [(await browser.delete(path)).status_code for path in paths.values()] == [200, 200]


async def test_it_can_be_removed_while_another_way_may_be_of_the_same_key(there: Sealed) -> None:
    """As the passkey of a stolen phone, where the passphrase is from before tawny stored keys of methods."""
    paths = await add_ways(there, passphrase=None, stolen_phone=OWNER)
    assert (await there.house.signed_in().delete(paths["stolen_phone"])).status_code == 200


async def add_ways(there: Sealed, **keys: Identity | None) -> dict[str, str]:
    """Add unlock methods of these keys, by their names; return their paths."""
    received: dict[str, Any] = {}
    for name, key in keys.items():
        asked = {"name": name, "wrapped": wrapped(OWNER), "recipient": key and key.recipient}
        received = (await there.house.signed_in().post("/api/v1/sealed/ways", json=asked)).json()
        there.house.clock.advance(1)
    paths = {way["name"]: f"/api/v1/sealed/ways/{way['id']}" for way in received["ways"]}
    return {name: paths[name] for name in keys}


@pytest.mark.parametrize("wrapped_key", ["abcde", "YQ===", "a"])
async def test_what_is_no_base64_is_refused(there: Sealed, wrapped_key: str) -> None:
    asked = {"name": "A key", "wrapped": wrapped_key}
    assert (await there.house.signed_in().post("/api/v1/sealed/ways", json=asked)).status_code == 422


async def test_the_sheet_is_asked_for_again(there: Sealed) -> None:
    browser, clock = there.house.signed_in(), there.house.clock

    async def asks() -> bool:
        return bool((await browser.get("/api/v1/sealed")).json()["asks_for_sheet"])

    shown = {"recovery": SHEET.recipient}
    assert (await browser.post("/api/v1/sealed/tested", json={"recovery": OTHER.recipient})).status_code == 403
    assert (await browser.post("/api/v1/sealed/tested", json=shown)).status_code == 200
    clock.advance(89 * 86_400)
    browser = there.house.signed_in()
    assert not await asks()
    clock.advance(2 * 86_400)
    browser = there.house.signed_in()
    assert await asks()
    assert (await browser.post("/api/v1/sealed/tested", json=shown)).status_code == 200
    clock.advance(91 * 86_400)
    browser = there.house.signed_in()
    assert not await asks()


async def test_an_earlier_sheet_is_called_one(there: Sealed) -> None:
    UnlockMethodStore(there.config.parent).used_for(OTHER.recipient)
    asked = {"recovery": OTHER.recipient}
    data = (await there.house.signed_in().post("/api/v1/sealed/tested", json=asked)).json()
    assert (data["message"].partition(".")[0], data["hint"].partition(" ")[0]) == (
        "This is an earlier recovery sheet",
        "Keep",
    )


async def test_another_key_in_use_is_no_earlier_sheet(there: Sealed) -> None:
    UnlockMethodStore(there.config.parent).used_for(OWNER.recipient)
    answer = await there.house.signed_in().post("/api/v1/sealed/tested", json={"recovery": OWNER.recipient})
    assert answer.json()["message"] == "This key opens new recordings, but isn't the recovery sheet in use."


async def test_what_a_page_opens_by_itself_is_in_the_log(there: Sealed) -> None:
    browser = there.house.signed_in()
    for is_open in (True, False):
        asked = {"way": "passkey", "recipient": OWNER.recipient, "open": is_open}
        assert (await browser.post("/api/v1/sealed/in-browser", json=asked)).status_code == 200
    assert there.log() == [
        ("unlocked in the browser", "passkey; a key that opens everything"),
        ("locked in the browser", ""),
    ]


async def test_a_page_gets_the_file_as_it_lies(there: Sealed) -> None:
    browser = there.house.signed_in()
    stored = there.house.recorder.segment_path(there.segment).read_bytes()
    for _ in range(2):
        answer = await browser.get(f"/media/{there.segment.id}/stored")
        assert answer.content == stored
        assert "x-wrapped" not in answer.headers
        await there.unlock(browser)
    made = scan_file(InMemory(stored))
    ring = RingLine(made.header.commit, 0, wrap(bytes(32), [OTHER.recipient]))
    (there.config.parent / "20261120.keys").write_bytes(ring.text())
    answer = await browser.get(f"/media/{there.segment.id}/stored")
    assert b64decode(answer.headers["x-wrapped"]) == ring.wrapped


async def test_a_page_gets_as_much_of_a_file_as_one_picture_needs(there: Sealed) -> None:
    browser, at_ms = there.house.signed_in(), there.segment.start_ms + 2500
    stored = there.house.recorder.segment_path(there.segment).read_bytes()
    whole = open_sealed(scan_file(InMemory(stored)), [OWNER])
    answer = await browser.get("/api/v1/cameras/porch/frame/sealed", params={"at_ms": at_ms, "width": 200})
    assert answer.headers["cache-control"] == "no-store"
    head = HEADER_BYTES + whole.file.header.wrap_bytes
    first, second = whole.file.init, whole.file.begin_for(2500)
    assert first is not None
    assert second is not None
    assert second.time_ms > 0, "not simply the first"
    assert answer.content == stored[:head] + stored[first.at : first.end] + stored[second.at : second.end]
    later = {"at_ms": at_ms + 86_400_000, "width": 200}
    assert (await browser.get("/api/v1/cameras/porch/frame/sealed", params=later)).status_code == 404


async def test_nobody_gets_sealed_bytes_of_a_camera_that_they_may_not_see(there: Sealed) -> None:
    accounts = there.house.accounts
    person = accounts.put_person("Ben", Role.VIEWER)
    accounts.change_person(person, Role.VIEWER, [CameraId("yard")])
    elsewhere = there.house.browser(accounts.begin_session(person, Caller("127.0.0.1")))
    asked = {"at_ms": there.segment.start_ms + 2500, "width": 200}
    path = "/api/v1/cameras/porch/frame/sealed"
    assert (await elsewhere.get(path, params=asked)).status_code == 404
    assert (await there.house.browser().get(path, params=asked)).status_code == 401


async def test_a_viewer_changes_nothing(there: Sealed) -> None:
    browser = there.house.signed_in(Role.VIEWER)
    assert not (await browser.get("/api/v1/sealed")).json()["can_change"]
    for method, path, asked in (
        ("PUT", "cameras", {"everything": True, "cameras": []}),
        ("POST", "ways", {"name": "x", "wrapped": wrapped(OWNER)}),
        ("DELETE", "ways/owner", None),
    ):
        answer = await browser.request(method, f"/api/v1/sealed/{path}", json=asked)
        assert answer.json()["code"] == "owner_only"
