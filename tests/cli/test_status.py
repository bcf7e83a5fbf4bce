"""`tawny status` through the control socket: every state of a camera, plain and as JSON."""

import json
import socket
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tawny.engine import Bus
from tawny.model.states import STATE_WORDS, TROUBLE, CameraState
from tawny.service import json_format
from tawny.service.health.camera_health import HealthReader
from tests.api.fakes import make_house
from tests.cli.conftest import Tawny, answering


@pytest.mark.parametrize("state", CameraState)
def test_every_state_is_told(recorded: Path, tmp_path: Path, tawny: Tawny, state: CameraState) -> None:
    house = make_house(tmp_path / "house")
    house.recorder.set_state(state)

    def told(_: object) -> dict[str, Any]:
        return {**json_format.status(HealthReader(house.recorder).now()), "self_test": "", "hint": ""}

    with answering(recorded, Bus(), {"status": told}):
        plain = tawny("status", "--data", str(recorded))
        shown = tawny("status", "--json", "--data", str(recorded))
    assert STATE_WORDS[state] in plain.out, plain.err
    assert plain.code == (1 if state in TROUBLE else 0)
    assert json.loads(shown.out)["cameras"][0]["state"] == state.value


def test_a_camera_that_waits_with_its_detection_off_is_not_waiting_for_an_event(
    recorded: Path, tmp_path: Path, tawny: Tawny
) -> None:
    house = make_house(tmp_path / "house")
    house.recorder.set_state(CameraState.WAITING)
    listed = house.recorder.listed
    listed[0] = replace(listed[0], status=replace(listed[0].status, is_undetected=True))
    data = {**json_format.status(HealthReader(house.recorder).now()), "self_test": "", "hint": ""}
    with answering(recorded, Bus(), {"status": lambda _: data}):
        plain = tawny("status", "--data", str(recorded))
    assert "Waiting, detection off" in plain.out, plain


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        ("status", 0, "Everything is well"),
        ("events", 36, "The disk for {folder} is missing: tawny runs for this folder"),
    ],
)
def test_a_recorder_whose_disk_is_gone_is_asked(tmp_path: Path, tawny: Tawny, words: str, code: int, says: str) -> None:
    folder, house = tmp_path / "disk", make_house(tmp_path / "house")
    folder.mkdir()
    data = {**json_format.status(HealthReader(house.recorder).now()), "self_test": "", "hint": "", "ok": True}
    data["summary"] = "Everything is well"
    with answering(folder, Bus(), {"status": lambda _: data}):
        (folder / "control").unlink()  # an empty mount point
        result = tawny(words, "--data", str(folder))
    assert (result.code, says.format(folder=folder) in result.out + result.err) == (code, True), result


@pytest.mark.parametrize(("again", "says"), [({"model": "nano", "done": 3, "total": 9}, True), (None, False)])
def test_events_that_are_classified_again_are_told_with_how_far_it_is(
    recorded: Path, tmp_path: Path, tawny: Tawny, again: object, says: bool
) -> None:
    house = make_house(tmp_path / "house")

    def told(_: object) -> dict[str, Any]:
        now = json_format.status(HealthReader(house.recorder).now())
        return {**now, "self_test": "", "hint": "", "again": again}

    with answering(recorded, Bus(), {"status": told}):
        plain = tawny("status", "--data", str(recorded)).out
    assert ("classified again with nano: 3 of 9." in plain) is says


def test_snoozes_are_told_with_who_and_until_when(recorded: Path, tmp_path: Path, tawny: Tawny) -> None:
    house = make_house(tmp_path / "house")
    until = "2026-11-22T21:12:00Z"
    snoozes = [
        {"camera": "porch", "everyone": True, "by": "Anna", "until": until},
        {"camera": None, "everyone": False, "by": "Ben", "until": until},
    ]

    def told(_: object) -> dict[str, Any]:
        now = json_format.status(HealthReader(house.recorder).now())
        return {**now, "self_test": "", "hint": "", "snoozes": snoozes}

    with answering(recorded, Bus(), {"status": told}):
        plain = tawny("status", "--data", str(recorded)).out
    assert "Front door: notifications for everyone snoozed by Anna until " in plain
    assert "All cameras: notifications for Ben snoozed until " in plain


@pytest.mark.parametrize("fingerprint", ["ab" * 32, ""], ids=["on a disk", "in memory"])
def test_the_fingerprint_is_told(recorded: Path, tmp_path: Path, tawny: Tawny, fingerprint: str) -> None:
    now = json_format.status(HealthReader(make_house(tmp_path / "house").recorder).now())
    data = {**now, "self_test": "", "hint": "", "fingerprint": fingerprint}
    with answering(recorded, Bus(), {"status": lambda _: data}):
        plain = tawny("status", "--data", str(recorded)).out
    assert [line for line in plain.splitlines() if "fingerprint" in line] == (
        [f"To verify evidence of what it records now, use the fingerprint {fingerprint}"] if fingerprint else []
    )


CAMERAS = """[cameras.porch]
source = "rtsp://viewer:secret@10.1.2.3/live"
[cameras.back-yard]
source = "demo:"
name = "Garden"
"""


def test_cameras_are_listed_after_a_recorder_ended_without_cleaning_up(
    recorded: Path, tmp_path: Path, tawny: Tawny
) -> None:
    (tmp_path / "tawny.toml").write_text(CAMERAS)
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(recorded / "control"))
    shown = tawny("cameras", "list", "--config", str(tmp_path / "tawny.toml"), "--data", str(recorded))
    assert [line.split()[0] for line in shown.out.splitlines()[1:]] == ["porch", "back-yard"]


@pytest.mark.parametrize(
    ("is_running", "state"), [(True, "Recording"), (False, "–")], ids=["of a recorder that runs", "of the settings"]
)
def test_cameras_are_listed_with_their_ids(
    recorded: Path, tmp_path: Path, tawny: Tawny, is_running: bool, state: str
) -> None:
    house = make_house(tmp_path / "house")
    config = tmp_path / "tawny.toml"
    config.write_text(CAMERAS)
    words = ("cameras", "list", "--config", str(config), "--data", str(recorded))
    data = {"status": lambda _: json_format.status(HealthReader(house.recorder).now())}
    with answering(recorded, Bus(), data) if is_running else nullcontext():
        plain, shown = tawny(*words), tawny(*words, "--json")
    (porch,) = (line for line in plain.out.splitlines() if line.startswith("porch"))
    assert state in porch
    assert porch.endswith("rtsp://10.1.2.3/live")
    assert "secret" not in plain.out + shown.out
    items = {one["id"]: one for one in json.loads(shown.out)["cameras"]}
    assert items["back-yard"] == {"id": "back-yard", "name": "Garden", "state": None, "source": "demo:"}
