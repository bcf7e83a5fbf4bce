"""A recorder dies, and its standby records its camera: real processes, a real camera, and real networks."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tawny.model.segments import GapReason
from tawny.service.cameras.standby_addresses import NOT_OF_NETWORK
from tawny.testing.waiting import until
from tests.support.standby_rig import FRONT, PASSWORD, PATIENCE_S, Rig, rig

MOST_LOST_S, BUSY_S = 5.0, 10.0
"""What may be lost; and added to it beside other tests, which hold up whole processes. `benchmarks/standby.py` holds
the limit itself."""


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[Rig]:
    with rig(tmp_path) as made:
        yield made


def whole(house: Rig) -> None:
    """Stop both; each second must be recorded or explained on both."""
    for one in (house.house, house.shed):
        one.stop()
        assert one.command("check", "--wall")["ok"]
        assert "Traceback" not in one.log


def test_a_dead_recorders_camera_is_recorded_and_handed_back_and_no_credential_is_readable(pair: Rig) -> None:
    result = pair.pair()
    [protected] = pair.shed.command("standby")["protected"]
    assert protected["words"] == result["words"]
    assert len(result["words"].split()) == 4
    until(lambda: any(pair.shed.data.rglob("house.plan")), PATIENCE_S, "the plan")
    pair.settle()
    killed_s = pair.house.kill()
    lost_s = pair.first_picture_s(killed_s) - killed_s
    assert lost_s < MOST_LOST_S + BUSY_S
    [gap] = [one for one in pair.shed.gaps(pair.at_shed) if one.reason is GapReason.RECORDER_OFF and not one.is_start]
    assert gap.detail == "House didn't answer until the standby Shed took over"
    until(lambda: time.time() > killed_s + 10, 20, "some seconds of the standby's recording")
    pair.house.start()
    until(lambda: pair.recorded_by_shed() == [], PATIENCE_S, "the camera to be given back")
    until(lambda: any(one.reason is GapReason.FILLED for one in pair.house.gaps(FRONT)), PATIENCE_S, "the footage")
    gaps = pair.house.gaps(FRONT)
    [filled] = [one for one in gaps if one.reason is GapReason.FILLED]
    assert filled.detail.startswith("recorded by the standby Shed for House")
    [left] = [one for one in gaps if "took over" in one.detail and one.reason is GapReason.RECORDER_OFF]
    assert left.detail == "crashed; the standby Shed took over from House"
    assert left.span(0).seconds < MOST_LOST_S + BUSY_S + 1.5
    for path in pair.shed.folder.rglob("*"):
        assert not path.is_file() or PASSWORD.encode() not in path.read_bytes(), f"credentials are readable in {path}"
    pair.house.command("standby", "leave")
    until(lambda: not list(pair.shed.data.rglob("house.plan")), 20, "the plan to be deleted")
    until(lambda: pair.shed.command("standby")["protected"] == [], 20, "the recorder to be forgotten")
    whole(pair)


@pytest.fixture
def networks(tmp_path: Path) -> Iterator[Rig]:
    with rig(tmp_path, with_networks=True) as made:
        yield made


@pytest.mark.long
def test_a_pulled_cable_is_taken_over_and_filled(networks: Rig) -> None:
    """The recorder lives, but reaches neither camera nor standby."""
    networks.pair()
    networks.settle()
    cut_s = time.time()
    networks.pull_cable()
    assert networks.first_picture_s(cut_s) - cut_s < MOST_LOST_S + BUSY_S
    until(lambda: time.time() > cut_s + 12, 20, "some seconds of the standby's recording")
    networks.plug_in()
    until(lambda: networks.recorded_by_shed() == [], PATIENCE_S, "the camera to be given back")
    until(lambda: any(one.reason is GapReason.FILLED for one in networks.house.gaps(FRONT)), PATIENCE_S, "the footage")
    assert any("the standby Shed took over from House" in one.detail for one in networks.house.gaps(FRONT))
    whole(networks)


@pytest.mark.long
def test_recorders_cut_from_each_other_lose_nothing(networks: Rig) -> None:
    """Both reach the camera: two recordings, no gap, and no second is lost on the recorder."""
    networks.pair()
    networks.settle()
    cut_s = time.time()
    networks.cut_apart()
    networks.first_picture_s(cut_s)
    networks.join_again()
    until(lambda: networks.recorded_by_shed() == [], PATIENCE_S, "the camera to be given back")
    until(lambda: time.time() > cut_s + 20, 30, "some seconds more")
    whole(networks)
    assert [
        one for one in networks.house.gaps(FRONT) if not one.is_start and one.begin_ms < cut_s * 1000 + 20_000
    ] == []


@pytest.mark.long
def test_a_recorder_that_answers_is_not_taken_over(pair: Rig) -> None:
    """Its line is silent, but it says itself that it records: as with a standby whose address has changed."""
    pair.pair()
    pair.settle()
    pair.house.command("standby")
    settings = pair.house.folder / "tawny.toml"
    settings.write_text(settings.read_text().replace(f":{pair.shed.port}", ":9"))
    until(lambda: pair.lease() == "answered", PATIENCE_S, "the answer")
    assert pair.recorded_by_shed() == []
    assert not list((pair.shed.data / pair.at_shed).rglob("*.mp4"))


def test_paused_cameras_and_those_at_localhost_are_not_recorded_by_the_standby(tmp_path: Path) -> None:
    """A camera at localhost would be something else of the standby. Both sides say so."""
    hub = '[cameras.hub]\nname = "Street"\nsource = "rtsp://127.0.0.1:9/street"\ndetection.detector = "off"\n'
    with rig(tmp_path, more=hub) as pair:
        pair.pair()
        pair.house.command("pause", "front")
        both = {"Front door": "it is paused there", "Street": NOT_OF_NETWORK}
        until(lambda: pair.shed.command("standby")["protected"][0]["problems"] == both, PATIENCE_S, "the pause")
        assert pair.house.command("standby")["standby"]["problems"] == both
        pair.settle()
        pair.house.kill()
        until(lambda: pair.lease() == "taken", PATIENCE_S, "the takeover")
        assert pair.shed.command("standby")["protected"][0]["problems"] == both
        assert pair.recorded_by_shed() == []
        assert not list(pair.shed.data.rglob("*.mp4"))
