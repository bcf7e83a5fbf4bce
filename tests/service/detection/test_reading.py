"""Plates and faces, from settings to what is read: off unless wanted, changed while it runs, told when it fails."""

from pathlib import Path
from typing import Any, NoReturn

import cv2
import numpy as np
import pytest

from tawny.config.settings import Settings
from tawny.detection.recognition import ReadableObject, RecognitionJob
from tawny.engine.plugins import PluginMissing
from tawny.model.errors import NotDone, SettingsError
from tawny.model.ids import CameraId
from tawny.model.observations import RecognisedText
from tawny.service.detection.identity_store import IdentityStore
from tawny.service.detection.recognition_service import RecognitionService, face_print
from tawny.service.plugin_registry import PluginRegistry
from tawny.testing.clock import FakeClock
from tests.app.rig import settings
from tests.support.plates import LAYOUTS, vehicle

GATE = CameraId("gate")
WHOLE = (0.0, 0.0, 1.0, 1.0)
FACES = "def read(picture):\n    return [Reading('', 0.9, picture.rgb.mean(axis=(0, 1)))]\n"


def chosen(watch: str = "", more: str = "") -> Settings:
    return settings(f'[cameras.gate]\nsource = "demo:front"\n[cameras.gate.detection]\n{watch}\n{more}')


class Bench:
    def __init__(self, folder: Path, now: Settings) -> None:
        self.now, self.clock = now, FakeClock()
        self.book = IdentityStore(folder, folder)
        self.room = RecognitionService(lambda: self.now, PluginRegistry.opened(), self.book, self.clock)
        self.room.step()

    def read(self, *by: str) -> list[RecognisedText]:
        rgb, _ = vehicle(LAYOUTS[0], "B AB 4268", 160, "day", np.random.default_rng(3))
        rgb = np.ascontiguousarray(rgb)
        self.room.queue.add(RecognitionJob(GATE, 0, lambda: rgb, (ReadableObject(1, "vehicle", WHOLE),), by))
        self.room.step()
        return [answer.read for answer in self.room.queue.results(GATE)]


def test_a_plate_is_read_where_it_is_wanted_and_named_if_known(tmp_path: Path) -> None:
    bench = Bench(tmp_path, chosen('recognize = ["plates"]'))
    assert [(one.text, one.who) for one in bench.read("plates")] == [("BAB4268", "")]
    anna = bench.book.add("Anna", "plates", "B-AB 4268")
    assert [(one.text, one.who) for one in bench.read("plates")] == [("BAB4268", anna.id)]
    bench.room.close()


def test_known_plates_that_cannot_be_read_stop_no_recognition(tmp_path: Path) -> None:
    bench = Bench(tmp_path, chosen('recognize = ["plates"]'))
    (tmp_path / "known.bin").mkdir()  # a read fails, also for root
    assert [(one.text, one.who) for one in bench.read("plates")] == [("BAB4268", "")]
    assert [one.partition(":")[0] for one in bench.room.troubles] == ["Known faces and plates are unavailable"]
    bench.room.close()


def test_where_nobody_wants_it_there_is_no_recogniser(tmp_path: Path) -> None:
    bench = Bench(tmp_path, chosen())
    assert bench.read("plates") == []
    bench.now = chosen('recognize = ["plates"]')
    bench.room.look_now()
    bench.room.step()
    assert bench.read("plates")
    bench.now = chosen()
    bench.room.look_now()
    bench.room.step()
    assert bench.read("plates") == []


def test_a_missing_program_is_told_with_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bench = Bench(tmp_path, chosen('recognize = ["plates"]'))
    monkeypatch.setenv("PATH", str(tmp_path))
    assert bench.read("plates") == []
    assert bench.room.troubles == [
        "plates: License plates aren't read: tesseract isn't installed. Install it with: apt-get install tesseract-ocr."
    ]


@pytest.mark.parametrize(
    ("watch", "more", "path"),
    [
        ('recognize = ["noses"]', "", "cameras.gate.detection.recognize"),
        ('recognize = ["plates"]\nrecognize_zones = ["drive"]', "", "cameras.gate.detection.recognize_zones"),
        ("", '[recognizers.faces]\nkinds = ["person"]', "recognizers.faces"),
        ("", '[recognizers.faces]\nfile = "faces.exe"', "recognizers.faces.file"),
        ("", '[recognizers.faces]\nfile = "faces.py"\nforms = []', "recognizers.faces"),
        ("", '[recognizers.plates]\nforms = ["B AB"]', "recognizers.plates"),
    ],
)
def test_settings_that_cannot_be_are_refused(watch: str, more: str, path: str) -> None:
    with pytest.raises(SettingsError) as refused:
        PluginRegistry.opened().check(chosen(watch, more), "tawny.toml")
    assert [problem.path for problem in refused.value.problems] == [path]


def test_a_sealed_camera_is_not_read() -> None:
    wanted = chosen('recognize = ["plates"]')
    camera = wanted.cameras["gate"].model_copy(update={"encrypt": True})
    sealed = wanted.model_copy(update={"cameras": {"gate": camera}})
    with pytest.raises(SettingsError, match="a camera without encryption"):
        PluginRegistry.opened().check(sealed, "tawny.toml")


def test_a_face_is_known_by_a_picture(tmp_path: Path) -> None:
    (tmp_path / "faces.py").write_text(FACES)
    now = chosen('recognize = ["faces"]', f'[recognizers.faces]\nfile = "{tmp_path}/faces.py"\ndeadline = "5 s"')
    _, picture = cv2.imencode(".png", np.full((60, 60, 3), (200, 100, 50), np.uint8))
    print_ = face_print("faces", picture.tobytes(), now, {})
    assert print_ == pytest.approx((50, 100, 200))
    with pytest.raises(NotDone, match="Can't read this image"):
        face_print("faces", b"no picture", now, {})
    with pytest.raises(NotDone, match="No recognizer named"):
        face_print("noses", picture.tobytes(), now, {})


def test_a_face_that_is_not_there_is_said(tmp_path: Path) -> None:
    (tmp_path / "faces.py").write_text("def read(picture):\n    return []\n")
    now = chosen('recognize = ["faces"]', f'[recognizers.faces]\nfile = "{tmp_path}/faces.py"')
    _, picture = cv2.imencode(".png", np.full((60, 60, 3), 90, np.uint8))
    with pytest.raises(NotDone, match="can't recognize anyone"):
        face_print("faces", picture.tobytes(), now, {})


@pytest.mark.parametrize(
    ("error", "says"),
    [
        (RuntimeError("no GPU found"), "The plug-in faces failed: RuntimeError."),
        (ValueError("kinds: none"), "kinds: none"),
    ],
)
def test_a_recognizer_that_cannot_be_made_is_told_and_stops_no_other(
    error: Exception, says: str, tmp_path: Path
) -> None:
    def broken(_: object) -> None:
        raise error

    parts = {"faces": broken, "plates": PluginRegistry.opened().recognisers["plates"]}
    now = chosen('recognize = ["plates", "faces"]')
    room = RecognitionService(
        lambda: now, PluginRegistry({}, {}, recognisers=parts), IdentityStore(tmp_path, tmp_path), FakeClock()
    )
    room.step()
    assert room.troubles == [f"faces: {says}"]
    assert room.step() > 0
    room.close()


class Unloadable(dict[str, Any]):
    """Of a plug-in that was there until it was loaded."""

    def __missing__(self, name: str) -> NoReturn:
        raise PluginMissing(name, "ImportError: no libfoo")


def test_a_recognizer_that_cannot_be_loaded_says_why_and_goes_on_saying_it(tmp_path: Path) -> None:
    now, clock = chosen('recognize = ["faces"]'), FakeClock()
    plugins = PluginRegistry({}, {}, recognisers=Unloadable())
    room = RecognitionService(lambda: now, plugins, IdentityStore(tmp_path, tmp_path), clock)
    for _ in range(2):
        clock.advance(room.step())
        assert room.troubles == ["faces: The plug-in faces failed: ImportError: no libfoo."]
    room.close()


def test_a_recognizer_that_could_not_be_made_once_is_tried_again_after_a_pause(tmp_path: Path) -> None:
    plates, clock, tries = PluginRegistry.opened().recognisers["plates"], FakeClock(), []

    def late(options: object) -> object:
        tries.append(options)
        if len(tries) == 1:
            raise NotDone("The model isn't there yet.", "Wait.")
        return plates(options)

    now = chosen('recognize = ["plates"]')
    plugins = PluginRegistry({}, {}, recognisers={"plates": late})
    room = RecognitionService(lambda: now, plugins, IdentityStore(tmp_path, tmp_path), clock)
    wait_s = room.step()
    room.step()
    assert (len(tries), room.troubles) == (1, ["plates: The model isn't there yet."])
    clock.advance(wait_s)
    room.step()
    assert (len(tries), room.troubles) == (2, [])
    room.close()
