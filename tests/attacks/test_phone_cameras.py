"""Phones as cameras: codes can't be guessed, and a phone gets no right beyond sending its own picture."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import httpx
import numpy as np
import pytest
from aiortc import RTCPeerConnection, RTCRtpSender, RTCSessionDescription, VideoStreamTrack

from tawny.api.auth.accounts import Role
from tawny.api.auth.guess_limit import FREE_TRIES
from tawny.api.live import webrtc
from tawny.config.settings import LiveSettings, Settings
from tawny.live.webrtc.dtls import Dtls
from tawny.live.webrtc.peer_connection import MOST_BYTES_S, WebRtcConnections
from tawny.model.errors import SourceError
from tawny.model.ids import CameraId, StreamName
from tawny.model.packets import SourcePacket
from tawny.protocols.login_history import LoginHistory
from tawny.service.cameras.camera_setup import CameraRemoval, CameraSetupService
from tawny.service.cameras.phone_codes import LASTS_S
from tawny.service.changeable_settings import ChangeableSettings
from tawny.service.plugin_registry import PluginRegistry
from tawny.sources.phone import PhoneConnection
from tawny.sources.source import IdleUntil, SourceContext
from tawny.testing.clock import FakeClock
from tests.api.fakes import House, make_house


class Written:
    """Settings of a file."""

    def __init__(self, file: Path) -> None:
        file.write_text('[cameras.yard]\nsource = "demo:"\n', encoding="utf-8")
        self.now = Settings.model_validate({"cameras": {"yard": {"source": "demo:"}}})
        self.changeable = ChangeableSettings(lambda: self.now, self.apply, file)

    def apply(self, settings: Settings, *_: object) -> None:
        self.now = settings


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    made = make_house(tmp_path)
    written = Written(tmp_path / "tawny.toml")
    made.site.setup = CameraSetupService(written.changeable, PluginRegistry.opened(), made.clock, LoginHistory())
    yield made
    await made.site.close()


async def new_code(owner: httpx.AsyncClient, **asked: str) -> tuple[str, str]:
    """Return the key and the code itself."""
    answer = await owner.post("/api/v1/phone-codes", json={"name": "Old phone", **asked})
    assert answer.status_code == 200, answer.text
    return answer.json()["id"], answer.json()["link"].partition("#")[2]


async def join(house: House, code: str) -> httpx.Response:
    return await house.browser().post("/api/v1/phone/join", json={"code": code, "device": "iPhone"})


async def joined(house: House, owner: httpx.AsyncClient, **asked: str) -> httpx.AsyncClient:
    """Return a phone with its token."""
    answer = await join(house, (await new_code(owner, **asked))[1])
    assert answer.status_code == 200, answer.text
    phone = house.browser()
    phone.headers["Authorization"] = f"Bearer {answer.json()['token']}"
    return phone


async def test_a_code_works_once_and_makes_one_camera(house: House) -> None:
    owner = house.signed_in()
    key, code = await new_code(owner)
    answers = await asyncio.gather(*(join(house, code) for _ in range(5)))
    assert sorted(answer.status_code for answer in answers) == [200, 404, 404, 404, 404]
    assert (await join(house, code)).status_code == 404
    state = (await owner.get(f"/api/v1/phone-codes/{key}")).json()
    assert (state["state"], state["camera"]) == ("joined", "old-phone")
    assert house.site.setup
    assert house.site.setup.phone_of(CameraId("old-phone"))
    assert not house.site.setup.phone_of(CameraId("old-phone-2"))


async def test_a_phone_whose_answer_is_lost_gets_its_token_again_and_no_other_does(house: House) -> None:
    _, code = await new_code(house.signed_in())
    keys = ['"31415926535897932384626433"'] * 2 + ['"27182818284590452353602874"']
    body = {"code": code, "device": "iPhone"}
    answers = [
        await house.browser().post("/api/v1/phone/join", json=body, headers={"Idempotency-Key": key}) for key in keys
    ]
    assert [answer.status_code for answer in answers] == [200, 200, 404]
    assert answers[0].json() == answers[1].json()


async def test_after_ten_minutes_it_works_no_more(house: House) -> None:
    _, code = await new_code(house.signed_in())
    house.clock.advance(LASTS_S + 1)
    assert (await join(house, code)).json()["code"] == "code_ended"


async def test_guessing_is_slowed_down_and_keeps_nobody_out(house: House) -> None:
    _, code = await new_code(house.signed_in())
    tried = [await join(house, f"guess {number}") for number in range(FREE_TRIES + 3)]
    assert [answer.status_code for answer in tried] == [404] * FREE_TRIES + [429] * 3
    assert int(tried[-1].headers["Retry-After"]) > 0
    assert (await join(house, code)).status_code == 200


@pytest.mark.parametrize("role", [Role.MEMBER, Role.VIEWER])
async def test_only_owners_make_codes(house: House, role: Role) -> None:
    answer = await house.signed_in(role).post("/api/v1/phone-codes", json={"name": "Mine"})
    assert answer.status_code == 403


async def test_a_code_ends_with_the_right_of_who_made_it(house: House) -> None:
    owner = house.signed_in()
    person = next(one for one in house.accounts.people() if one.role is Role.OWNER)
    key, code = await new_code(owner)
    house.accounts.put_person("Otto", Role.OWNER)
    house.accounts.change_person(person, Role.MEMBER, None)
    answer = await join(house, code)
    assert (answer.status_code, answer.json()["code"]) == (404, "code_ended")
    assert house.site.setup
    assert not house.site.setup.phone_of(CameraId("old-phone"))
    assert house.site.phone_codes.status(key, person.id).state == "failed"


async def test_a_cancelled_code_and_one_of_no_phone(house: House) -> None:
    owner = house.signed_in()
    key, code = await new_code(owner)
    assert (await owner.delete(f"/api/v1/phone-codes/{key}")).status_code == 200
    assert (await join(house, code)).status_code == 404
    for camera in ("yard", "none"):
        answer = await owner.post("/api/v1/phone-codes", json={"camera": camera})
        assert answer.status_code == 404, "a phone takes no other camera's place"


async def test_a_phone_address_is_not_added_without_a_code(house: House) -> None:
    asked = {"address": "phone:0123456789abcdef", "name": "Mine"}
    answer = await house.signed_in().post("/api/v1/cameras", json=asked)
    assert answer.status_code == 409


async def test_the_token_is_only_good_in_the_header_and_only_for_its_camera(house: House) -> None:
    owner = house.signed_in()
    phone = await joined(house, owner)
    assert (await phone.get("/api/v1/phone")).json()["camera_name"] == "Old phone"
    secret = phone.headers["Authorization"].partition(" ")[2]
    assert (await house.browser().get(f"/api/v1/phone?pass={secret}")).status_code == 401
    assert (await owner.get("/api/v1/phone")).status_code == 401
    assert (await phone.get("/api/v1/cameras/yard/snapshot")).status_code == 403
    listed = (await owner.get("/api/v1/access-tokens")).json()["items"]
    assert listed == [], "it is listed with its camera"
    info = (await owner.get("/api/v1/cameras/old-phone/phone")).json()
    assert (info["device"], info["connected"]) == ("iPhone", False)
    found = house.passes.of_phone(house.site.setup.phone_of(CameraId("old-phone")))
    assert found
    assert house.passes.digest_of(found.id) is None, "RTSP accepts it nowhere"


async def test_another_phone_takes_the_place_of_the_first(house: House) -> None:
    owner = house.signed_in()
    first = await joined(house, owner)
    second = await joined(house, owner, camera="old-phone")
    assert (await first.get("/api/v1/phone")).status_code == 401
    assert (await second.get("/api/v1/phone")).status_code == 200


async def test_removing_the_phone_or_the_camera_ends_its_right(house: House) -> None:
    owner = house.signed_in()
    phone = await joined(house, owner)
    setup = house.site.setup
    assert setup
    setup.remove(CameraId("old-phone"), CameraRemoval("Anna"))
    answer = await phone.get("/api/v1/phone")
    assert (answer.status_code, answer.json()["code"]) == (410, "phone_removed")
    setup.restore(CameraId("old-phone"))
    assert (await phone.get("/api/v1/phone")).status_code == 200, "an undone removal brings it back"
    assert (await owner.delete("/api/v1/cameras/old-phone/phone")).status_code == 200
    assert (await phone.get("/api/v1/phone")).status_code == 401
    assert (await owner.delete("/api/v1/cameras/old-phone/phone")).status_code == 404
    assert (await owner.delete("/api/v1/cameras/yard/phone")).status_code == 404


# A real peer: what it sends comes by DTLS and SRTP over UDP.


class Ramp(VideoStreamTrack):
    """A picture that grows brighter."""

    def __init__(self) -> None:
        super().__init__()
        self.number = 0

    async def recv(self) -> av.VideoFrame:
        pts, base = await self.next_timestamp()
        self.number += 1
        frame = av.VideoFrame.from_ndarray(np.full((72, 64), 5 * self.number % 200, np.uint8), format="yuv420p")
        frame.pts, frame.time_base = pts, Fraction(base)
        return frame


@dataclass
class Sending:
    peer: RTCPeerConnection
    connection: PhoneConnection

    async def packets(self, count: int) -> list[SourcePacket]:
        found: list[SourcePacket] = []
        async with asyncio.timeout(30):
            while len(found) < count:
                got = self.connection.read()
                if isinstance(got, IdleUntil):
                    await asyncio.sleep(0.02)
                else:
                    found.append(got)
        return found


async def offer_of(peer: RTCPeerConnection, codec: str = "video/H264") -> str:
    sender = peer.addTransceiver(Ramp(), direction="sendonly")
    known = RTCRtpSender.getCapabilities("video").codecs
    sender.setCodecPreferences([one for one in known if one.mimeType == codec])
    await peer.setLocalDescription(await peer.createOffer())
    return peer.localDescription.sdp


async def sending(house: House, phone: httpx.AsyncClient) -> Sending:
    peer = RTCPeerConnection()
    answer = await phone.post("/api/v1/phone/rtc", json={"offer": await offer_of(peer)})
    assert answer.status_code == 201, answer.text
    await peer.setRemoteDescription(RTCSessionDescription(answer.json()["answer"], "answer"))
    assert house.site.setup
    camera = CameraId("old-phone")
    address = f"phone:{house.site.setup.phone_of(camera)}"
    async with asyncio.timeout(30):
        while not house.site.phones.is_connected(address.removeprefix("phone:")):
            await asyncio.sleep(0.02)
    opening = SourceContext(camera, StreamName.MAIN, address, {}, house.clock)
    return Sending(peer, house.site.phones.open(opening))


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Rights are looked at often."""
    monkeypatch.setattr(webrtc, "LOOK_S", 0.05)
    yield


async def running(clock: FakeClock) -> None:
    """Let the fake clock go on with the real one."""
    while True:
        await asyncio.sleep(0.01)
        clock.advance(0.01)


@pytest.fixture
async def passing(house: House) -> AsyncIterator[None]:
    task = asyncio.create_task(running(house.clock))
    yield
    task.cancel()


@pytest.mark.usefixtures("quick", "passing")
@pytest.mark.parametrize("ends", ["phone removed", "camera removed", "another phone"])
async def test_an_open_connection_ends_with_the_right(house: House, ends: str) -> None:
    owner = house.signed_in()
    made = await sending(house, await joined(house, owner))
    found = await made.packets(20)
    assert found[0].is_keyframe
    assert len({packet.data for packet in found}) == 20
    if ends == "phone removed":
        await owner.delete("/api/v1/cameras/old-phone/phone")
    elif ends == "another phone":
        await joined(house, owner, camera="old-phone")
    else:
        assert house.site.setup
        house.site.setup.remove(CameraId("old-phone"), CameraRemoval("Anna"))
    with pytest.raises(SourceError):
        await made.packets(10_000)
    await made.peer.close()


@pytest.mark.usefixtures("passing")
async def test_one_phone_has_one_connection(house: House) -> None:
    phone = await joined(house, house.signed_in())
    first = await sending(house, phone)
    await first.packets(3)
    second = await sending(house, phone)
    with pytest.raises(SourceError, match="its page was opened again"):
        await first.packets(10_000)
    assert await second.packets(3)
    for one in (first, second):
        await one.peer.close()


@pytest.mark.parametrize(
    ("offer", "status"),
    [("", 422), ("v=0", 400), ("x" * 100_001, 413), ("VP8", 409)],
)
async def test_offers_that_are_none(house: House, offer: str, status: int) -> None:
    phone = await joined(house, house.signed_in())
    peer = RTCPeerConnection()
    sdp = await offer_of(peer, "video/VP8") if offer == "VP8" else offer
    answer = await phone.post("/api/v1/phone/rtc", json={"offer": sdp})
    assert answer.status_code == status
    assert status != 409 or answer.json()["message"] == "This browser can't send H.264 video."
    await peer.close()


async def test_a_flood_is_dropped_before_it_is_decrypted(monkeypatch: pytest.MonkeyPatch) -> None:
    decrypted: list[int] = []
    monkeypatch.setattr(Dtls, "unprotect", lambda _, data: decrypted.append(len(data)))
    clock, phone = FakeClock(), RTCPeerConnection()
    every = WebRtcConnections(LiveSettings(), ["127.0.0.1"], clock)
    peer = await every.receive(await offer_of(phone))
    junk = b"\x80\x66" + bytes(1198)
    for seconds in (1, 2):
        for _ in range(2 * MOST_BYTES_S // len(junk)):
            peer.take(junk)
        assert MOST_BYTES_S - len(junk) <= sum(decrypted) / seconds <= MOST_BYTES_S
        clock.advance(1)
    await every.close()
    await phone.close()
