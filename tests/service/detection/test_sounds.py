"""Sound models that are added or repaired after the settings name them."""

from pathlib import Path

import numpy as np
import pytest

from tawny.config.recognition import AudioSettings
from tawny.engine.plugins import PluginFailed
from tawny.model.errors import NotDone
from tawny.model.ids import CameraId
from tawny.service.detection.sound_service import CHECKED_EVERY_S, SoundService, sound_store
from tawny.testing.clock import FakeClock
from tests.detection import onnx_bytes

pytest.importorskip("onnxruntime")

PORCH, SAMPLES = CameraId("porch"), 40
LOUD = np.full(SAMPLES, 0.9, np.float32)


class Bench:
    def __init__(self, folder: Path, *, is_inline: bool = False) -> None:
        self.clock = FakeClock()
        self.service = SoundService(sound_store(folder, self.clock), {}, self.clock, is_inline=is_inline)
        self.file = folder / "mean.onnx"
        self.file.write_bytes(onnx_bytes.mean_model(SAMPLES))

    def wait(self) -> None:
        self.clock.advance(CHECKED_EVERY_S)
        self.service.step()


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def test_a_model_that_is_added_later_is_used(bench: Bench) -> None:
    namer, model = bench.service.namer(PORCH, AudioSettings(listen=True, model="mean"))
    assert model.trouble == "No model named mean. Available: none. Add one with `tawny models add`."
    bench.wait()
    assert not namer.is_usable
    bench.service.store.add(str(bench.file), labels=["High", "Low"])
    bench.wait()
    assert (model.trouble, namer.length) == ("", SAMPLES)
    namer.add(bench.clock.now_ms(), LOUD)
    bench.service.step()
    assert [[name for name, _ in names] for _, names in namer.results()] == [["High"]]


def test_a_model_that_was_replaced_is_opened_again(bench: Bench) -> None:
    bench.service.store.add(str(bench.file), labels=["High", "Low"])
    _, model = bench.service.namer(PORCH, AudioSettings(listen=True, model="mean"))
    bench.service.store.add(str(bench.file), labels=["Treble", "Bass"])
    bench.wait()
    assert set(model.scores(PORCH, 0, LOUD)) == {"Treble", "Bass"}


def test_a_model_whose_files_are_given_to_the_recorder_is_opened(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """A change of owner or mode changes neither content nor size."""
    bench.service.store.add(str(bench.file), labels=["High", "Low"])
    file, check = bench.service.store.file("mean"), bench.service.store.check

    def refuse(_card: object) -> None:
        raise NotDone("Permission denied.", "Give it to the user that runs tawny.")

    monkeypatch.setattr(bench.service.store, "check", refuse)
    _, model = bench.service.namer(PORCH, AudioSettings(listen=True, model="mean"))
    assert "Permission denied" in model.trouble
    monkeypatch.setattr(bench.service.store, "check", check)
    file.chmod(0o640)
    bench.wait()
    assert model.trouble == ""


def test_a_model_that_is_no_longer_used_is_not_looked_at(bench: Bench) -> None:
    namer, model = bench.service.namer(PORCH, AudioSettings(listen=True, model="mean"))
    namer.close()
    bench.service.store.add(str(bench.file), labels=["High", "Low"])
    bench.wait()
    bench.wait()
    assert model.scores(PORCH, 0, LOUD) == {}


def test_a_scan_with_a_model_that_cannot_be_used_is_refused(tmp_path: Path) -> None:
    service = Bench(tmp_path, is_inline=True).service
    _, model = service.namer(PORCH, AudioSettings(listen=True, model="mean"))
    with pytest.raises(NotDone, match="No model named mean"):
        service.await_ready(model)


def test_a_wrong_number_of_labels_is_named(bench: Bench) -> None:
    with pytest.raises(NotDone, match="has 2 classes, but there are 3 labels"):
        bench.service.store.add(str(bench.file), labels=["One", "Two", "Three"])


def test_a_plug_in_that_fails_is_told(tmp_path: Path) -> None:
    def broken(_: object) -> None:
        raise RuntimeError("no GPU found")

    clock = FakeClock()
    service = SoundService(sound_store(tmp_path, clock), {"birds": broken}, clock)
    _, model = service.namer(CameraId("garden"), AudioSettings(model="birds"))
    assert model.trouble == "The plug-in birds failed: RuntimeError. Choose another model."


def test_what_a_plug_in_raises_while_it_listens_names_it(tmp_path: Path) -> None:
    class Birds:
        length, labels, trouble = 1600, ("Bird",), ""

        def scores(self, camera: CameraId, at_ms: int, samples: object) -> dict[str, float]:
            raise RuntimeError("hunter2")

        def close(self) -> None:
            """No resources to release."""

    clock = FakeClock()
    service = SoundService(sound_store(tmp_path, clock), {"birds": lambda _: Birds()}, clock)
    _, model = service.namer(CameraId("garden"), AudioSettings(model="birds"))
    with pytest.raises(PluginFailed, match=r"the plug-in Birds failed: RuntimeError$"):
        model.scores(CameraId("garden"), 0, np.zeros(1600, np.float32))
