"""Cameras set up over HTTP: what owners get, and that no answer and no line of the log holds a password."""

import base64
from dataclasses import replace
from pathlib import Path
from typing import Literal

import pytest

from tawny.config.settings import CameraSettings, Settings
from tawny.model.errors import NotDone, Problem, SettingsError, SourceRefused
from tawny.model.events import POST_S, PRE_S
from tawny.model.geometry import UPRIGHT, Orientation
from tawny.model.ids import CameraId, StreamName
from tawny.model.segments import Recording
from tawny.model.times import Span, SystemClock
from tawny.protocols.login_history import LoginHistory
from tawny.service.cameras.camera_previews import PreviewState, PreviewStatus
from tawny.service.cameras.camera_setup import (
    CameraDraft,
    CameraRemoval,
    CameraSetupService,
    ResolvedCamera,
    SearchResult,
    TriedCamera,
)
from tawny.service.cameras.camera_trial import CameraTrial
from tawny.service.changeable_settings import ChangeableSettings
from tawny.service.plugin_registry import PluginRegistry
from tawny.service.retention.recording_deletion import (
    DeletionPreview,
    DeletionScope,
    RecordingDeletion,
    StoredOfCamera,
)
from tawny.sources.discovery.finder import Search
from tawny.sources.discovery.found_camera import FoundCamera
from tests.api.fakes import House

ASKED = {"address": "192.168.1.9", "user": "admin", "password": "a secret"}
TRIAL = CameraTrial("h264", 1920, 1080, 20.0, 9.0, 2, 4e6, "aac", 6.0, b"jpeg")


class Desk(CameraSetupService):
    """Remembers what it was asked; connects to nothing."""

    def __init__(self) -> None:
        settings = Settings()
        plugins = PluginRegistry.opened()
        changeable = ChangeableSettings(lambda: settings, lambda *_: None, Path("tawny.toml"))
        super().__init__(changeable, plugins, SystemClock(), LoginHistory())
        self.asked: list[object] = []
        self.fails: Exception | None = None

    def _did(self, *asked: object) -> None:
        if self.fails:
            raise self.fails
        self.asked.append(asked)

    def search(self, search: Search) -> None:
        self._did(search.probe)

    def found(self) -> SearchResult:
        one = FoundCamera("192.168.1.9", "network", maker="Northlight", model="NL-1", ways=frozenset({"mdns", "onvif"}))
        return SearchResult(is_running=True, found=((one, ""), (FoundCamera("picamera:0", "pi"), "nest")))

    def try_out(self, wanted: CameraDraft, seconds: float = 6.0) -> TriedCamera:
        self._did(wanted)
        camera = CameraSettings.model_validate({"source": "rtsp://admin:a%20secret@192.168.1.9/main"})
        return TriedCamera(ResolvedCamera(camera, {}, {}), {StreamName.MAIN: TRIAL})

    def change_camera(
        self, wanted: CameraDraft, change: Literal["keyframes", "clock", "h264"], seconds: float = 6.0
    ) -> TriedCamera:
        self._did(change)
        return self.try_out(wanted)

    def preview(self, wanted: CameraDraft) -> PreviewStatus:
        self._did(wanted)
        return PreviewStatus("p1", wanted.address, PreviewState.WRONG_LOGIN, 0, "No.", "Try again.")

    def add_previewed(
        self,
        preview: str,
        name: str,
        record: Recording = "continuous",
        orientation: Orientation = UPRIGHT,
        *,
        sound: bool = False,
    ) -> CameraId:
        self._did(preview, name, record)
        return CameraId("gate")

    def replace(self, camera: CameraId, wanted: CameraDraft) -> None:
        self._did(camera, wanted)

    def move(self, camera: CameraId, host: str) -> None:
        self._did("move", host)

    def add(
        self,
        name: str,
        wanted: CameraDraft,
        record: Recording = "continuous",
        orientation: Orientation = UPRIGHT,
        *,
        sound: bool = False,
    ) -> CameraId:
        self._did(name, wanted, record)
        return CameraId("front-door")

    def rename(self, camera: CameraId, name: str, group: str | None = None) -> None:
        self._did(camera, name, group)

    def remove(self, camera: CameraId, removal: CameraRemoval) -> int:
        self._did(camera, removal)
        return 1_000

    def restore(self, camera: CameraId) -> None:
        self._did("restore", camera)

    def restart(self, camera: CameraId) -> None:
        self._did("restart", camera)


@pytest.fixture
def desk(house: House) -> Desk:
    house.site.setup = made = Desk()
    return made


async def test_a_search_is_begun_and_shows_what_is_found(house: House, desk: Desk) -> None:
    owner = house.signed_in()
    data = (await owner.post("/api/v1/camera-search", json={"probe": True})).json()
    assert desk.asked == [(True,)]
    assert data == (await owner.get("/api/v1/camera-search")).json()
    assert (data["running"], data["fixed"]) == (True, "")
    first, second = data["found"]
    assert (first["title"], first["ways"], first["camera"]) == ("Northlight NL-1", ["mdns", "onvif"], None)
    assert second["camera"] == "nest"


async def test_makers_and_servers_are_offered_with_what_to_do_first(house: House) -> None:
    items = (await house.signed_in().get("/api/v1/camera-makers")).json()["items"]
    found = {one["name"]: one for one in items}
    assert found["go2rtc"]["address"] == "rtsp://HOST:8554/STREAM"
    assert (found["Reolink"]["is_server"], found["Reolink"]["address"]) == (False, "")
    assert "Tapo app" in found["TP-Link"]["prepare"]
    assert "" not in found, "paths of no maker are no choice"


async def test_a_trial_says_what_came_and_no_password(house: House, desk: Desk) -> None:
    answer = await house.signed_in().post("/api/v1/camera-trial", json=ASKED)
    data = answer.json()
    assert data["source"] == "rtsp://192.168.1.9/main"
    assert data["streams"]["main"]["day_bytes"] == TRIAL.bytes_day
    assert [one["code"] for one in data["advice"]] == ["keyframes-far-apart", "no-sub-stream"]
    assert base64.b64decode(data["picture"]) == b"jpeg"
    assert "secret" not in answer.text


async def test_a_camera_is_added_renamed_and_removed_with_a_line_each(house: House, desk: Desk) -> None:
    owner = house.signed_in()
    answer = await owner.post("/api/v1/cameras", json={**ASKED, "name": "Front door"})
    assert (answer.status_code, answer.json()) == (201, {"camera": "front-door"})
    assert str(desk.asked[-1]).endswith("'continuous')")
    assert (await owner.put("/api/v1/cameras/porch/name", json={"name": "Porch"})).json() == {"ok": True}
    assert (await owner.delete("/api/v1/cameras/porch")).json() == {"undo_until_ms": 1_000}
    lines = [(line.action, line.detail) for line in house.accounts.audit()]
    assert ("camera added", "front-door: 192.168.1.9") in lines
    assert {"camera renamed", "camera removed"} <= {action for action, _ in lines}
    assert "a secret" not in str(lines) + repr(desk.asked)


@pytest.mark.parametrize(("path", "first"), [("cameras", ASKED), ("camera-previews/p1/camera", {})])
async def test_what_is_recorded_of_it_is_chosen_with_it(
    house: House, desk: Desk, path: str, first: dict[str, str]
) -> None:
    owner = house.signed_in()
    answer = await owner.post(f"/api/v1/{path}", json={**first, "name": "Gate", "record": "events"})
    assert answer.status_code == 201
    assert str(desk.asked[-1]).endswith("'events')")
    wrong = await owner.post(f"/api/v1/{path}", json={**first, "name": "Gate", "record": "sometimes"})
    assert wrong.status_code == 422


@pytest.mark.parametrize(
    ("failure", "status", "code"),
    [
        (SourceRefused("192.168.1.9"), 409, "login-refused"),
        (NotDone("No stream.", "Give its address."), 409, "not_saved"),
        (SettingsError("x", (Problem("address", "an invalid address", "a host"),)), 400, "bad_input"),
    ],
)
async def test_what_fails_is_said(house: House, desk: Desk, failure: Exception, status: int, code: str) -> None:
    desk.fails = failure
    for path, body in (("camera-trial", ASKED), ("cameras", {**ASKED, "name": "Front door"})):
        answer = await house.signed_in().post(f"/api/v1/{path}", json=body)
        assert (answer.status_code, answer.json()["code"]) == (status, code)
        assert "a secret" not in answer.text
    assert [line for line in house.accounts.audit() if line.action == "camera trial failed"]


@pytest.mark.parametrize(
    "wrong",
    [
        {},
        {"address": ""},
        {"address": "x" * 3000},
        {"name": ""},
        {"name": "x" * 200},
        {"name": "a\u202eb"},
        {"more": 1},
    ],
)
async def test_bad_input_is_refused(house: House, desk: Desk, wrong: dict[str, object]) -> None:
    body = {**ASKED, "name": "Front door", **wrong} if wrong else {}
    assert (await house.signed_in().post("/api/v1/cameras", json=body)).status_code in (400, 422)
    assert desk.asked == []


class Deletion(RecordingDeletion):
    """Remembers what it was asked; deletes nothing."""

    def __init__(self) -> None:
        self.asked: list[object] = []

    def stored(self, camera: CameraId) -> StoredOfCamera:
        return StoredOfCamera(12_000_000_000, 2, 5)

    def delete_all_of(self, camera: CameraId, by: str, *, with_kept: bool) -> int:
        self.asked.append((camera, by, with_kept))
        return 31_000

    def measure(self, wanted: DeletionScope) -> DeletionPreview:
        if "open" in wanted.events:
            raise NotDone("This event isn't over yet.", "Delete it when it has ended.")
        return DeletionPreview(5_000_000, 3, 4, 2, 1, 1_000_000, 7, 9)

    def delete(self, wanted: DeletionScope, by: str, *, undo_s: float = 30.0) -> tuple[str, int]:
        self.asked.append((wanted, by))
        return "d1", 31_000

    def cancel(self, key: str) -> bool:
        return bool(self.asked) and self.asked.pop() is not None

    def is_too_late(self, key: str) -> bool:
        return key in ("yard", "d0")


async def test_a_removed_camera_has_the_default_times_around_its_events(house: House) -> None:
    house.site.deleting = Deletion()
    house.recorder.record(house.clock.now_ms() - 60_000, 2)
    house.recorder.listed = [one for one in house.recorder.listed if one.status.id != "porch"]
    stored = (await house.signed_in().get("/api/v1/cameras/porch/stored")).json()
    assert (stored["pre_s"], stored["post_s"]) == (PRE_S, POST_S)


async def test_removal_asks_what_becomes_of_the_recordings(house: House, desk: Desk) -> None:
    house.site.deleting = Deletion()
    owner = house.signed_in()
    stored = (await owner.get("/api/v1/cameras/porch/stored")).json()
    assert stored == {"bytes": 12_000_000_000, "kept": 2, "oldest_ms": 5, "pre_s": 5.0, "post_s": 10.0}
    answer = await owner.delete("/api/v1/cameras/porch?recordings=delete&with_kept=true")
    assert answer.json() == {"undo_until_ms": 1_000}
    assert desk.asked[-1] == ("porch", CameraRemoval("owner 0", with_recordings=True, with_kept=True))
    for what in ("restore", "restart"):
        assert (await owner.post(f"/api/v1/cameras/porch/{what}")).json() == {"ok": True}
        assert str(desk.asked[-1]) == str((what, "porch"))
    lines = [(line.action, line.detail) for line in house.accounts.audit()]
    assert ("camera removed", "porch: deletes 12 GB of recordings") in lines
    assert {"camera restored", "camera restarted"} <= {action for action, _ in lines}
    assert (await owner.delete("/api/v1/cameras/porch?recordings=burn")).status_code == 422


async def test_recordings_of_a_camera_that_stays_are_deleted_and_that_is_undone(house: House) -> None:
    house.site.deleting = deletion = Deletion()
    owner = house.signed_in()
    answer = await owner.delete("/api/v1/cameras/porch/recordings")
    assert (answer.json(), deletion.asked) == ({"undo_until_ms": 31_000}, [("porch", "owner 0", False)])
    assert (await owner.post("/api/v1/cameras/porch/recordings/restore")).json() == {"ok": True}
    again = await owner.post("/api/v1/cameras/porch/recordings/restore")
    assert (again.status_code, again.json()["message"]) == (404, "There is no such deletion.")
    late = await owner.post("/api/v1/cameras/yard/recordings/restore")
    assert (late.status_code, late.json()["message"]) == (409, "These recordings are deleted already.")
    assert late.json()["hint"]
    assert (await owner.delete("/api/v1/cameras/nowhere/recordings")).status_code == 404
    assert ("recordings deleted", "porch: 12 GB") in [(line.action, line.detail) for line in house.accounts.audit()]


async def test_an_event_or_a_time_is_measured_deleted_and_that_is_undone(house: House) -> None:
    house.site.deleting = deletion = Deletion()
    owner = house.signed_in()
    asked = {"cameras": ["porch"], "from_ms": 1_000, "to_ms": 61_000, "with_kept": True}
    assert (await owner.post("/api/v1/deletions/preview", json=asked)).json() == {
        "bytes": 5_000_000, "files": 3, "images": 4, "events": 2, "kept": 1, "kept_bytes": 1_000_000,
        "from_ms": 7, "to_ms": 9, "away": [],
    }  # fmt: skip
    assert deletion.asked == []
    answer = await owner.post("/api/v1/deletions", json=asked)
    assert answer.json() == {"id": "d1", "undo_until_ms": 31_000}
    wanted = DeletionScope([CameraId("porch")], Span(1_000, 61_000), with_kept=True)
    assert deletion.asked == [(wanted, "owner 0")]
    assert (await owner.delete("/api/v1/deletions/d1")).json() == {"ok": True}
    for key, status in (("d1", 404), ("never", 404), ("d0", 409)):
        assert (await owner.delete(f"/api/v1/deletions/{key}")).status_code == status
    lines = [(line.action, line.detail) for line in house.accounts.audit()]
    assert ("recordings deleted", "porch 1970-01-01T00:00:01.000Z to 1970-01-01T00:01:01.000Z: 5 MB") in lines
    await owner.post("/api/v1/deletions", json={})
    assert deletion.asked == [(DeletionScope([]), "owner 0")]


@pytest.mark.parametrize(
    ("asked", "status"),
    [
        ({"from_ms": 5}, 400),
        ({"from_ms": 9, "to_ms": 5}, 400),
        ({"event": "e", "cameras": ["porch"]}, 400),
        ({"cameras": ["nowhere"]}, 404),
        ({"cameras": ["x" * 99]}, 422),
        ({"event": "open"}, 409),
        ({"more": 1}, 422),
    ],
)
async def test_a_deletion_that_makes_no_sense_is_refused(house: House, asked: dict[str, object], status: int) -> None:
    house.site.deleting = deletion = Deletion()
    for path in ("/api/v1/deletions", "/api/v1/deletions/preview"):
        assert (await house.signed_in().post(path, json=asked)).status_code == status
    assert deletion.asked == []


async def test_recordings_of_many_cameras_of_a_large_site_are_deleted_at_once(house: House) -> None:
    house.site.deleting = deletion = Deletion()
    many = [CameraId(f"cam-{number}") for number in range(300)]
    (porch,) = house.recorder.listed
    house.recorder.listed = [replace(porch, status=replace(porch.status, id=one)) for one in many]
    assert (await house.signed_in().post("/api/v1/deletions", json={"cameras": many})).status_code == 200
    assert deletion.asked == [(DeletionScope(many), "owner 0")]


async def test_a_removed_camera_stays_in_the_timeline_under_its_name(house: House) -> None:
    house.recorder.removed = {CameraId("gate"): "Gate (removed)"}
    data = (await house.signed_in().get("/api/v1/timeline?from_ms=0&to_ms=1000")).json()
    assert {one["id"]: one["name"] for one in data["cameras"]} == {"porch": "Front door", "gate": "Gate (removed)"}


async def test_a_camera_is_shown_and_added_without_its_password_again(house: House, desk: Desk) -> None:
    owner = house.signed_in()
    data = (await owner.post("/api/v1/camera-previews", json={**ASKED, "rtsp_port": 8554, "path": "/live"})).json()
    assert data == {
        "id": "p1", "place": "192.168.1.9", "state": "wrong_login", "number": 0, "message": "No.", "hint": "Try again.",
    }  # fmt: skip
    assert desk.asked == [(CameraDraft("192.168.1.9", "admin", "a secret", rtsp_port=8554, path="/live"),)]
    assert (await owner.get("/api/v1/camera-previews")).json() == {"items": []}
    assert (await owner.get("/api/v1/camera-previews/p1/picture")).status_code == 404
    added = await owner.post("/api/v1/camera-previews/p1/camera", json={"name": "Gate"})
    assert (added.status_code, added.json()) == (201, {"camera": "gate"})
    assert "a secret" not in str([(line.action, line.detail) for line in house.accounts.audit()])
    for wrong in ({"rtsp_port": 70_000}, {"path": "/a b"}, {"path": "/a\r\nX: y"}):
        assert (await owner.post("/api/v1/camera-previews", json={**ASKED, **wrong})).status_code == 422


async def test_a_camera_is_moved_replaced_and_changed_with_a_line_each(house: House, desk: Desk) -> None:
    owner = house.signed_in()
    assert (await owner.post("/api/v1/cameras/porch/address", json={"address": "192.168.1.57"})).json() == {"ok": True}
    assert (await owner.post("/api/v1/cameras/porch/device", json=ASKED)).json() == {"ok": True}
    tried = await owner.post("/api/v1/camera-trial/change", json={**ASKED, "change": "keyframes"})
    assert tried.json()["source"] == "rtsp://192.168.1.9/main"
    assert (await owner.post("/api/v1/camera-trial/change", json={**ASKED, "change": "all"})).status_code == 422
    lines = [(line.action, line.detail) for line in house.accounts.audit()]
    assert ("camera moved", "porch: 192.168.1.57") in lines
    assert ("camera replaced", "porch: 192.168.1.9") in lines
    assert ("camera changed", "192.168.1.9: keyframes") in lines
    desk.fails = NotDone("It can't be proved.", "Enter its password.")
    answer = await owner.post("/api/v1/cameras/porch/address", json={"address": "192.168.1.57"})
    assert (answer.status_code, answer.json()["message"]) == (409, "It can't be proved.")
    assert "camera move failed" in {line.action for line in house.accounts.audit()}


@pytest.mark.parametrize("address", ["192.168..10", "a" * 64, "rtsp://192.168..10/stream"])
async def test_a_typing_error_in_the_address_is_told_in_words(house: House, address: str, tmp_path: Path) -> None:
    changeable = ChangeableSettings(Settings, lambda *_: None, tmp_path / "tawny.toml")
    house.site.setup = CameraSetupService(changeable, PluginRegistry.opened(), SystemClock(), LoginHistory())
    answer = await house.signed_in().post("/api/v1/camera-trial", json={**ASKED, "address": address})
    assert answer.status_code == 409
    assert "unknown host name" in answer.json()["message"]


@pytest.mark.parametrize("onvif", ["http://[::1", "http://camera:port/", "http://camera:70000/", "http://a..b/"])
async def test_an_onvif_address_that_is_none_is_refused(house: House, desk: Desk, onvif: str) -> None:
    answer = await house.signed_in().post("/api/v1/camera-trial", json={**ASKED, "onvif": onvif})
    assert (answer.status_code, desk.asked) == (422, [])
