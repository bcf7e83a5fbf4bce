"""How a camera is watched, changed while it runs: the recording goes on; and what becomes of what it no longer sees."""

from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import numpy as np
import pytest

from tawny.config.changes import plain_table
from tawny.config.loader import read_settings
from tawny.config.settings import DetectionSettings, Settings
from tawny.detection.scene_changes import STAYS_S, AbandonedObject
from tawny.engine import Actor, Engine, Handle, InlineEngine
from tawny.model.ids import CameraId, StreamName
from tawny.model.messages import EventChanged, Message, RunEnded
from tawny.model.observations import Look
from tawny.model.states import CameraState, CameraStatus
from tawny.model.times import Span
from tawny.service.cameras.detection_tuning import DetectionTuningService
from tawny.service.changeable_settings import ChangeableSettings
from tawny.service.detection.camera_detection import WORDS, CameraDetection, DetectionServices
from tawny.service.detection.event_marks import EventMarks
from tawny.service.detection.event_writer import EventWriter
from tawny.service.plugin_registry import PluginRegistry
from tawny.storage.disk.layout import SOUND
from tawny.storage.disk.volume import Volume
from tawny.storage.segments.detection_files import EventFiles, MotionGrids, MotionScoreFile
from tawny.stream.hub import Hub
from tawny.testing.clock import FakeClock
from tawny.testing.waiting import until
from tests.app.rig import DOOR, Rig, rig, settings
from tests.support.scenes import PictureFrame

FILE = """\
# at home
[cameras.door]
source = "demo:front"
sub = "demo:front"  # small

[cameras.door.detection]
effort = "balanced"  # usual
"""


def changed_watch(now: DetectionSettings, **changes: Any) -> DetectionSettings:
    return DetectionSettings.model_validate({**plain_table(now), **changes})


def test_a_change_holds_at_once_and_the_recording_goes_on(tmp_path: Path) -> None:
    file = tmp_path / "tawny.toml"
    file.write_text(FILE, encoding="utf-8")
    with rig(read_settings(file), tmp_path / "data", config=file) as made:
        made.wait_for(CameraState.RECORDING, 30)
        tuning = made.running.tuning
        now = tuning.watching(DOOR)
        assert now is not None
        until(lambda: _notes(made).get("looks", 0) > 3, 60, "looks")
        tuning.change(
            DOOR, changed_watch(now.watch, threshold=62, zones={"path": [[0, 0], [1, 0], [0, 1]]}), (), "Anna"
        )
        later = tuning.watching(DOOR)
        assert later is not None
        assert (later.watch.threshold, later.version != now.version) == (62, True)
        assert later.changed is not None
        assert later.changed.by == "Anna"
        until(lambda: _notes(made).get("looks", 0) > 0, 60, "looks by the new settings")
        assert not [one for one in made.heard if isinstance(one, RunEnded)]
        assert made.gaps() == []
    text = file.read_text(encoding="utf-8")
    assert 'sub = "demo:front"  # small' in text
    assert "threshold = 62" in text
    assert read_settings(file).cameras["door"].detection == later.watch


def test_the_file_says_which_detector_was_turned_off_until_one_is_on_again(tmp_path: Path) -> None:
    file = tmp_path / "tawny.toml"
    file.write_text('[cameras.door]\nsource = "demo:front"\ndetection.detector = "framediff"\n', encoding="utf-8")
    now = read_settings(file)

    def apply(new: Settings, _where: str) -> None:
        nonlocal now
        now = new

    changeable = ChangeableSettings(lambda: now, apply, file)
    tuning = DetectionTuningService(changeable, dict, Mock(), FakeClock(), Mock(), Mock())

    def after(**changes: Any) -> tuple[str, str]:
        tuning.change(DOOR, changed_watch(now.cameras[DOOR].detection, **changes), (), "Anna")
        written = read_settings(file).cameras[DOOR].detection
        return written.detector, written.detector_when_on

    assert after(detector="off") == ("off", "framediff")
    assert after(threshold=62) == ("off", "framediff")
    assert after(detector="framediff") == ("framediff", "motion")
    assert "detector_when_on" not in file.read_text(encoding="utf-8")


def test_without_a_file_it_holds_until_the_end(tmp_path: Path) -> None:
    with rig(settings('[cameras.door]\nsource = "demo:front"\n'), tmp_path) as made:
        tuning = made.running.tuning
        tuning.change(DOOR, DetectionSettings(threshold=30), (), "Anna")
        now = tuning.watching(DOOR)
        assert now is not None
        assert (now.watch.threshold, now.is_kept) == (30, False)


def test_while_somebody_reads_the_meter_every_look_is_told(tmp_path: Path) -> None:
    with rig(settings('[cameras.door]\nsource = "demo:front"\n'), tmp_path) as made:
        meter = made.running.tuning.meter(DOOR)
        assert meter is not None
        read: list[int] = []
        stop = meter.listen(lambda reading: read.append(reading.at_ms))
        until(lambda: len(read) >= 30, 60, "readings")
        stop()
    steps = np.diff(read)
    assert np.median(steps) <= 334


def _notes(made: Rig) -> Any:
    now = made.running.tuning.watching(DOOR)
    assert now is not None
    return now.notes


def watching(
    folder: Path,
    value: list[Message],
    scores: MotionScoreFile | None = None,
    changed: Callable[[], None] = lambda: None,
    engine: Engine | None = None,
    plugins: Any = None,
) -> CameraDetection:
    clock, marks = FakeClock(), Mock(EventMarks)
    volume = Volume.at(folder)
    events = EventWriter(marks, EventFiles(volume))
    events.start(Mock(InlineEngine, start=lambda *_: Mock(Handle, wake=events.step)))  # its thread is at once there
    means = DetectionServices(
        clock,
        engine or InlineEngine(clock, lambda _part, _error: None),
        plugins,
        events,
        scores or MotionScoreFile(volume, clock),
        MotionGrids(volume, clock),
    )
    return CameraDetection(CameraId("door"), {StreamName.MAIN: Hub()}, means, value.append, value.append, changed)


class OwnDetector:
    name = "nose"
    trouble = ""

    def __init__(self) -> None:
        self.is_closed = False

    def look(self, frame: Any) -> Look:
        return Look(0)

    def on_trouble(self, report: Callable[[str], None]) -> None: ...

    def close(self) -> None:
        self.is_closed = True


def test_a_detector_that_is_made_after_a_newer_one_began_takes_nothing_from_it(tmp_path: Path) -> None:
    makes: list[Callable[[], Actor]] = []
    made: list[OwnDetector] = []

    def nose(_: object) -> OwnDetector:
        made.append(OwnDetector())
        return made[-1]

    kinds: dict[str, Any] = {"nose": nose}

    def start(_: str, make: Callable[[], Actor]) -> Handle:
        makes.append(make)
        return Mock(Handle)

    detection = watching(tmp_path, [], engine=Mock(Engine, start=start), plugins=PluginRegistry({}, kinds))
    for _ in range(2):
        detection.begin(DetectionSettings.model_validate({"detector": "nose"}), ())
    newer, late = makes[1](), makes[0]()
    assert [one.is_closed for one in made] == [False, True]
    late.step()
    late.close()
    assert detection.notes != {}
    detection.close()
    newer.close()
    assert made[0].is_closed


def status(state: CameraState) -> CameraStatus:
    return CameraStatus(CameraId("door"), "Door", state, 1)


FRAME = PictureFrame(np.full((90, 160), 60, np.uint8), 5000)


def test_a_covered_camera_is_in_a_state_of_its_own_until_it_sees_again(tmp_path: Path) -> None:
    received: list[Message] = []
    made = watching(tmp_path, received)
    assert made.shown(status(CameraState.RECORDING)).state is CameraState.RECORDING
    made.tampered("covered", FRAME)
    shown = made.shown(status(CameraState.RECORDING))
    assert (shown.state, shown.since_ms) == (CameraState.COVERED, 5000)
    assert "covered" in shown.detail
    assert made.shown(status(CameraState.OFFLINE)).state is CameraState.OFFLINE
    made.tampered("", PictureFrame(FRAME.luma, 9000))
    assert made.shown(status(CameraState.RECORDING)).state is CameraState.RECORDING
    events = [one for one in received if isinstance(one, EventChanged)]
    assert [(one.what, one.event.kind, one.event.objects[0].label, one.event.end_ms) for one in events] == [
        ("started", "tamper", "covered", None),
        ("ended", "tamper", "covered", 9000),
    ]
    assert events[0].event.picture_ms == 5000


@pytest.mark.parametrize(
    ("reports", "record", "is_undetected"),
    [(False, CameraState.WAITING, True), (True, CameraState.WAITING, False), (False, CameraState.RECORDING, False)],
)
def test_a_camera_that_waits_without_detection_says_so(
    tmp_path: Path, *, reports: bool, record: CameraState, is_undetected: bool
) -> None:
    made = watching(tmp_path, [])
    made.begin(DetectionSettings(detector="off"), (), reports=reports)
    assert made.shown(status(record)).is_undetected is is_undetected


def test_pages_learn_at_once_that_nothing_is_detected(tmp_path: Path) -> None:
    changed = Mock()
    made = watching(tmp_path, [], changed=changed)
    made.begin(DetectionSettings(detector="off"), (), reports=True)
    changed.assert_not_called()
    made.begin(DetectionSettings(detector="off"), ())
    changed.assert_called_once_with()


def test_every_way_not_to_see_is_a_state() -> None:
    assert set(WORDS) == set(STAYS_S)
    for wrong in WORDS:
        CameraState(wrong)


def test_a_thing_that_was_left_is_an_event_with_a_picture(tmp_path: Path) -> None:
    received: list[Message] = []
    made = watching(tmp_path, received)
    made.left(AbandonedObject("left", (0.1, 0.1, 0.2, 0.2), ("hall",), 2000), FRAME)
    ended = received[-1]
    assert isinstance(ended, EventChanged)
    event = ended.event
    assert (event.kind, event.objects[0].label, event.zones) == ("object", "left", ("hall",))
    assert (event.start_ms, event.end_ms, event.picture_ms) == (2000, 5000, 5000)


def test_a_loud_sound_is_an_event_with_its_names(tmp_path: Path) -> None:
    received: list[Message] = []
    made = watching(tmp_path, received)
    made.loud(1000, 61, ())
    made.still_loud(70, [("Bark", 0.8012)])
    made.still_loud(65, [("Bark", 0.7), ("Dog", 0.6)])
    made.quiet(4000)
    events = [one.event for one in received if isinstance(one, EventChanged)]
    assert len({event.id for event in events}) == 1
    last = events[-1]
    assert (last.kind, last.score, last.start_ms, last.end_ms) == ("sound", 70.0, 1000, 4000)
    assert [(one.label, one.score) for one in last.objects] == [("Bark", 0.801), ("Dog", 0.6)]


def test_sounds_are_counted_in_seconds(tmp_path: Path) -> None:
    """They are classified twice a second."""
    made = watching(tmp_path, [])
    for at_ms in (1000, 1480, 1960, 2440, 9000):
        made.classified(at_ms, [("bark", 0.4)])
    (bark,) = made.sounds_heard
    assert (bark.count, bark.at_ms) == (3, 9000)


def test_how_loud_it_is_is_kept_for_each_second(tmp_path: Path) -> None:
    kept = MotionScoreFile(Volume.at(tmp_path), FakeClock())
    made = watching(tmp_path, [], kept)
    for at_ms, score in ((1000, 20), (1500, 64), (2100, 7)):
        made.on_loudness(at_ms, -40.0, score)
    kept.flush()
    assert (tmp_path / "door/1970/01/01/sound").is_file()
    assert list(kept.read(DOOR, Span(0, 4000), SOUND)) == [255, 64, 7, 255]
    assert list(kept.read(DOOR, Span(0, 4000))) == [255] * 4


def test_listening_is_told_where_it_is_wanted(tmp_path: Path) -> None:
    """The demo sends sound: with `listen` it is measured, without nobody decodes it."""
    source = '[cameras.door]\nsource = "demo:garden"\n'
    with rig(settings(source + "[cameras.door.detection.sound]\nlisten = true\n"), tmp_path) as made:
        meter = made.running.tuning.meter(DOOR)
        assert meter is not None
        sounds: list[object] = []
        stop = meter.listen(lambda reading: sounds.append(reading.sound))
        until(lambda: any(sounds), 60, "a loudness")
        stop()


def test_why_it_is_decoded_in_software(tmp_path: Path) -> None:
    """Small pictures are cheaper so; large ones only where no hardware works."""
    with rig(settings('[cameras.door]\nsource = "demo:front"\n'), tmp_path) as made:
        until(lambda: _notes(made).get("decodes_by"), 60, "a decoder")
        notes = _notes(made)
        assert notes["stream"] == "main"
        if notes["decodes_by"] == "software":
            assert "hardware" in notes["hardware"].lower()
        made.running.tuning.change(DOOR, DetectionSettings(decode="software"), (), "Anna")
        until(lambda: _notes(made).get("decodes_by") == "software", 60, "software")
        assert _notes(made)["hardware"] == ""


def test_a_model_that_cannot_be_used_is_told_and_loud_sounds_are_told_all_the_same(tmp_path: Path) -> None:
    text = '[cameras.door]\nsource = "demo:garden"\n[cameras.door.detection.sound]\nlisten = true\n'
    with rig(settings(text + 'model = "none.onnx"\nlabels = "none.txt"\n'), tmp_path) as made:
        tuning = made.running.tuning

        def trouble() -> str:
            now = tuning.watching(DOOR)
            return now.sound_trouble if now else ""

        until(trouble, 60, "what is wrong with the model")
        now = tuning.watching(DOOR)
        assert now is not None
        assert now.trouble == ""


def test_an_own_detector_that_never_returns_is_told_with_its_line_and_recording_goes_on(tmp_path: Path) -> None:
    file = tmp_path / "detect.py"
    file.write_text("def detect(frame):\n    while True: pass\n", encoding="utf-8")
    text = (
        '[cameras.door]\nsource = "demo:front"\n[cameras.door.detection]\ndetector = "own"\nown = { file = '
        f'"{file}" }}\n'
    )
    with rig(settings(text), tmp_path / "data") as made:

        def said() -> str:
            return next(one.status.detail for one in made.running.cameras())

        until(lambda: "detect.py, line 2: it took longer than 0.8 s" in said(), 60, "what is wrong")
        made.wait_for_seconds(2)
        file.write_text("def detect(frame):\n    return 0.9\n", encoding="utf-8")
        until(lambda: any(isinstance(one, EventChanged) for one in made.heard), 60, "an event")
        assert "detect.py" not in said()
        assert not [one for one in made.heard if isinstance(one, RunEnded)]


def test_what_is_wrong_with_the_own_detector_is_told_beside_what_else_is_wrong(tmp_path: Path) -> None:
    file = tmp_path / "detect.py"
    file.write_text("def detect(frame):\n    return 1 / 0\n", encoding="utf-8")
    text = (
        '[cameras.door]\nsource = "demo:garden"\n[cameras.door.detection]\ndetector = "own"\nown = { '
        f'file = "{file}" }}\n[cameras.door.detection.sound]\nlisten = true\nmodel = "none.onnx"\nlabels '
        '= "none.txt"\n'
    )
    with rig(settings(text), tmp_path / "data") as made:

        def said() -> str:
            return next(one.status.detail for one in made.running.cameras())

        until(lambda: "none.txt" in said() and "detect.py, line 2" in said(), 60, "both")
