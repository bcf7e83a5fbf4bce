"""Training samples by the computers that scans have: the same files, each event once, whatever is broken off."""

import json
from collections.abc import AsyncGenerator, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tawny.cli.archive import open_folder
from tawny.cli.kinds import LOG_FILE, SampleDriver, SampleLog, SampleRecipe, SampleRunner
from tawny.cli.main import main
from tawny.cli.scan_boxes import BoxComputer
from tawny.cli.scan_computers import Computer
from tawny.cli.scan_inputs import ScanTarget
from tawny.cli.scan_pool import ScanDriver, ScanJob, ScanLog
from tawny.cli.scan_ray import RayComputer
from tawny.cli.scan_recipe import ScanRecipe
from tawny.config.settings import CameraSettings, Settings
from tawny.model.ids import CameraId
from tawny.playback.training_samples import EventSamples, SampleCrop, samples_from_json
from tests.contracts.test_computers import PATIENCE_S, Boxes, ray_address, settings_in
from tests.detection import films
from tests.support.long_recording import BEGIN_MS, label_event, passer_by, record_films

__all__ = ["ray_address"]
DOOR = CameraId("door")
TARGET = ScanTarget("", "", DOOR, "sub", BEGIN_MS, BEGIN_MS + 3_600_000)
SECOND_MS = BEGIN_MS + 150_000


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two films, and what somebody said of those who pass: a person, a shadow, and nothing yet."""
    folder = tmp_path_factory.mktemp("labeled")
    record_films(folder, DOOR, (films.walkers, films.walkers))
    settings_in(folder).write_text("")
    label_event(folder, passer_by(DOOR, BEGIN_MS, 0, said="person"))
    label_event(folder, passer_by(DOOR, BEGIN_MS, 1, false_alarm="shadow"))
    label_event(folder, passer_by(DOOR, SECOND_MS, 0))
    return folder


@pytest.fixture(scope="module")
def expected(made: Path, tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """What one process exports."""
    out = tmp_path_factory.mktemp("crops")
    assert main(["kinds", "export", "-o", str(out), "--data", str(made), "--config", str(settings_in(made))]) == 0
    [file] = out.iterdir()
    with np.load(file) as kept:
        assert set(kept["labels"].tolist()) >= {"person", "nothing"}
    return file.read_bytes()


@pytest.fixture(params=["boxes", "ray"])
def computers(request: pytest.FixtureRequest, made: Path) -> Iterator[Any]:
    """Returns a computer for a log, and whether it is a box."""
    if request.param == "boxes":
        yield lambda log: BoxComputer(Boxes(made).ask, SampleRecipe(), log, PATIENCE_S)
    else:
        address: str = request.getfixturevalue("ray_address")
        yield lambda _: RayComputer(address, SampleRecipe(), (str(settings_in(made)), str(made)))


def collected(computer: Computer, log: SampleLog, target: ScanTarget = TARGET) -> SampleDriver:
    driver = SampleDriver(log)
    driver.collect(computer, [target], lambda _: None)
    return driver


def test_the_same_crops_as_in_one_process(computers: Any, made: Path, expected: bytes, tmp_path: Path) -> None:
    log = SampleLog(tmp_path / "log")
    driver = collected(computers(log), log)
    assert (driver.failed, driver.counts()) == ([], (2, 2))
    assert driver.cpu_s > 0
    again = SampleLog(tmp_path / "log")
    rest = collected(computers(again), again)
    assert rest.cpu_s == 0.0
    with open_folder(made) as archive:
        runner = SampleRunner(archive, Settings())
        parts = [runner.part(one.source, one.key) for one in runner.plan(TARGET)]
    own = [crop for one in parts if one is not None for crop in one.crops]
    for found in (driver.crops(TARGET), rest.crops(TARGET)):
        assert [(one.at_ms, one.box, one.label, one.event) for one in found] == [
            (one.at_ms, one.box, one.label, one.event) for one in own
        ]
        assert all(np.array_equal(one.crop, other.crop) for one, other in zip(found, own, strict=True))


def test_the_command_exports_by_a_cluster_and_goes_on(
    made: Path, ray_address: str, expected: bytes, tmp_path: Path
) -> None:
    words = ["kinds", "export", "-o", str(tmp_path), "--on", ray_address, "--data", str(made)]
    for _ in range(2):
        assert main([*words, "--config", str(settings_in(made))]) == 0
        assert (tmp_path / f"{DOOR}.npz").read_bytes() == expected
    assert len((tmp_path / LOG_FILE).read_text().splitlines()) == 2


def test_a_new_label_asks_for_one_event_only(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    record_films(folder, DOOR, (films.walkers,))
    settings_in(folder).write_text("")
    label_event(folder, passer_by(DOOR, BEGIN_MS, 0, said="person"))
    boxes, log = Boxes(folder), SampleLog(None)
    collected(BoxComputer(boxes.ask, SampleRecipe(), log, PATIENCE_S), log, at_box())
    label_event(folder, passer_by(DOOR, BEGIN_MS, 1, said="vehicle"))
    second = Boxes(folder)
    driver = collected(BoxComputer(second.ask, SampleRecipe(), log, PATIENCE_S), log, at_box())
    assert [order["do"] for order in boxes.orders] == ["plan", "part"]
    assert [order["do"] for order in second.orders] == ["plan", "part"]
    assert {one.label for one in driver.crops(at_box()) if one.label} == {"person", "vehicle"}


def at_box() -> ScanTarget:
    return ScanTarget("shed", "", DOOR, "sub", TARGET.from_ms, TARGET.to_ms)


def test_a_label_that_was_taken_back_is_not_exported(made: Path) -> None:
    with open_folder(made) as archive:
        runner = SampleRunner(archive, Settings())
        [first, _] = runner.plan(TARGET)
        assert runner.part(first.source, "another") is None


def test_masks_belong_to_the_key_and_encrypted_cameras_are_left_out(made: Path) -> None:
    half = ((0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0))
    masked = CameraSettings(source="demo:front", privacy_masks=(half,))
    with open_folder(made) as archive:
        plain = SampleRunner(archive, Settings()).plan(TARGET)
        hidden = SampleRunner(archive, Settings(cameras={DOOR: masked}))
        assert not {one.key for one in plain} & {one.key for one in hidden.plan(TARGET)}
        [one, *_] = hidden.plan(TARGET)
        found = hidden.part(one.source, one.key)
        assert found is not None
        assert found.crops == ()
        sealed = Settings.model_construct(cameras={DOOR: CameraSettings(source="demo:front", encrypt=True)})
        assert SampleRunner(archive, sealed).plan(TARGET) == []
        assert SampleRunner(archive, sealed).part(plain[0].source, plain[0].key) is None


def good() -> dict[str, Any]:
    crop = np.zeros((2, 64, 64), np.uint8)
    sample: dict[str, Any] = {"at_ms": 1, "track": 1, "box": (0.1, 0.1, 0.2, 0.2), "label": "person", "event": "e"}
    return EventSamples((SampleCrop(crop, **sample),), 0.5).as_json()


@pytest.mark.parametrize(
    "wrong",
    [
        {"about": []},
        {"about": [[1, 1, [0, 0, 1, 1], "person", "e"]] * 41},
        {"about": [[1, 1, [0, 0, 1], "person", "e"]]},
        {"about": [[1, 1, [0, 0, 1, 1], "dragon", "e"]]},
        {"about": [[1, 1, [0, 0, 1, 1], "person", "\x1b"]]},
        {"about": [[10**30, 1, [0, 0, 1, 1], "person", "e"]]},
        {"about": [[1, float("inf"), [0, 0, 1, 1], "person", "e"]]},
        {"about": [[1, 1, [float("nan"), 0, 1, 1], "person", "e"]]},
        {"crops": "no"},
        {"crops": "AAAA"},
        {"cpu_s": None},
    ],
    ids=str,
)
def test_samples_that_are_none_are_refused(wrong: dict[str, Any]) -> None:
    assert samples_from_json(good()).crops[0].label == "person"
    with pytest.raises((ValueError, TypeError)):
        samples_from_json(good() | wrong)


def test_a_box_that_answers_an_export_with_a_scan_is_said(made: Path) -> None:
    scan = {"duration_s": 1.0, "events": [], "cpu_s": 0.0, "decoded_s": 0.0, "scores": [], "model": ""}

    async def ask(_box: str, order: Mapping[str, Any]) -> AsyncGenerator[Mapping[str, Any], None]:
        async for line in Boxes(made).ask("shed", order):
            yield {"result": scan} if "result" in line else line

    log = SampleLog(None)
    driver = collected(BoxComputer(ask, SampleRecipe(), log, 0.0), log, at_box())
    assert driver.counts() == (0, 2)
    assert all("answered with something else" in str(one) for one in driver.failed)


def test_a_box_that_answers_a_scan_with_samples_is_said(made: Path) -> None:
    async def ask(_box: str, order: Mapping[str, Any]) -> AsyncGenerator[Mapping[str, Any], None]:
        async for line in Boxes(made).ask("shed", order):
            yield {"result": {"samples": good()}} if "result" in line else line

    log = ScanLog(None)
    computer = BoxComputer(ask, ScanRecipe(), log, 0.0)
    [found] = ScanDriver(ScanJob((at_box(),), 1.0), log).scan(computer)
    assert "answered with something else" in json.dumps(found.summary)


def test_what_is_nowhere_to_be_done_is_said(made: Path, tmp_path: Path) -> None:
    assert main(["kinds", "export", "-o", str(tmp_path / "x"), "--on", "moon", "--data", str(made)]) == 2
