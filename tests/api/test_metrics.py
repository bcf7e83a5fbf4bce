"""`/metrics`: who gets it, and that it says what is."""

import httpx
import pytest

from tawny.model.messages import Alarm, ProblemKind
from tawny.model.states import CameraState
from tests.api.fakes import House
from tests.playback.archives import PORCH

TOKEN = "a-long-token-of-my-own"


def asking(house: House, host: str = "127.0.0.1") -> httpx.AsyncClient:
    return httpx.AsyncClient(
        transport=httpx.ASGITransport(house.app, client=(host, 5000)), base_url="http://localhost:8000"
    )


async def values(house: House) -> dict[str, float]:
    text = (await asking(house).get("/metrics")).text
    rows = [line.rpartition(" ") for line in text.splitlines() if not line.startswith("#")]
    return {name: float(value) for name, _, value in rows}


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
async def test_this_machine_may(house: House, host: str) -> None:
    answer = await asking(house, host).get("/metrics")
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")


@pytest.mark.parametrize("header", ["X-Forwarded-For", "Forwarded", "X-Real-IP", "Via"])
async def test_what_came_through_a_proxy_is_not_from_this_machine(house: House, header: str) -> None:
    assert (await asking(house).get("/metrics", headers={header: "127.0.0.1"})).status_code == 403


async def test_others_need_the_token(house: House) -> None:
    other = asking(house, "192.168.1.7")
    assert (await other.get("/metrics")).status_code == 403
    assert (await other.get("/metrics", headers={"Authorization": "Bearer "})).status_code == 403
    house.site.metrics_token = TOKEN
    assert (await other.get("/metrics")).status_code == 403
    assert (await other.get("/metrics", headers={"Authorization": f"Bearer {TOKEN}x"})).status_code == 403
    assert (await other.get("/metrics", headers={"Authorization": f"Bearer {TOKEN}"})).status_code == 200
    house.site.metrics_token = ""


async def test_it_says_what_is(house: House) -> None:
    found = await values(house)
    assert found['tawny_camera_wanted{camera="porch"}'] == 1
    assert found['tawny_camera_recording{camera="porch"}'] == 1
    assert found["tawny_disk_free_bytes"] == 70
    house.recorder.set_state(CameraState.OFFLINE)
    house.recorder.alarmed = [Alarm(ProblemKind.CAMERA, PORCH, 5, "The picture stopped coming.")]
    found = await values(house)
    assert found['tawny_camera_recording{camera="porch"}'] == 0
    assert found['tawny_alarm{what="camera",camera="porch"}'] == 1
    house.recorder.alarmed = [
        Alarm(ProblemKind.TIER, None, 5, detail) for detail in ("/a is missing.", "/b is missing.")
    ]
    text = (await asking(house).get("/metrics")).text
    assert text.count('tawny_alarm{what="tier"') == 1, "two values of one series are none"


async def test_every_line_is_as_prometheus_wants_it(house: House) -> None:
    text = (await asking(house).get("/metrics")).text
    assert text.endswith("\n")
    helped = [line.split()[2] for line in text.splitlines() if line.startswith("# HELP")]
    typed = [line.split()[2] for line in text.splitlines() if line.startswith("# TYPE")]
    assert helped == typed
    assert len(set(helped)) == len(helped)


@pytest.mark.parametrize(
    ("state", "what", "status"),
    [
        (CameraState.RECORDING, "", 200),
        (CameraState.PAUSED, "", 200),
        (CameraState.OFF, "", 200),
        (CameraState.STARTING, "", 503),
        (CameraState.OFFLINE, "", 503),
        (CameraState.REFUSED, "", 503),
        (CameraState.FROZEN, "", 200),  # it is recorded, though it shows nothing of what it should
        (CameraState.BLOCKED, "", 503),
        (CameraState.RECORDING, "disk", 503),
        (CameraState.RECORDING, "check_in", 200),
    ],
)
async def test_healthz_tells_the_truth(house: House, state: CameraState, what: str, status: int) -> None:
    house.recorder.set_state(state)
    house.recorder.alarmed = [Alarm(ProblemKind(what), None, 5, "trouble")] if what else []
    answer = await asking(house, "192.168.1.7").get("/healthz")
    assert answer.status_code == status
    assert answer.json() == {"ok": status == 200}
