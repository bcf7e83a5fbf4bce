"""A whole recorder without its interface, in this process, with real cameras on loopback and a real disk."""

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from tawny.app.running import RecorderRuntime
from tawny.config.loader import parse_settings
from tawny.config.settings import Settings
from tawny.media.mp4.segment_reader import read_segment, samples
from tawny.model.ids import CameraId, StreamName
from tawny.model.messages import GapChanged, Message, StatusChanged
from tawny.model.segments import Gap, GapReason, Segment
from tawny.model.states import CameraState
from tawny.model.times import Span, SystemClock
from tawny.service.plugin_registry import PluginRegistry
from tawny.storage.disk.volume import Volume
from tawny.storage.index.opening import index_to_read
from tawny.storage.repair.check import CheckScope, check_volume
from tawny.storage.repair.findings import CheckReport
from tawny.testing.rtsp_camera import RtspCamera
from tawny.testing.rtsp_viewer import SentUnit
from tawny.testing.waiting import until

DOOR = CameraId("door")
EVER = Span(0, 4_000_000_000_000)


def settings(text: str) -> Settings:
    made, problems = parse_settings(text, {})
    assert made is not None, problems
    return made


def one_camera(source: str, more: str = "") -> Settings:
    return settings(f'[cameras.door]\nsource = "{source}"\ndetection.detector = "off"\n{more}')


class Rig:
    def __init__(
        self, chosen: Settings, folder: Path, plugins: PluginRegistry | None = None, config: Path | None = None
    ) -> None:
        self.folder, self.clock = folder, SystemClock()
        self.running = RecorderRuntime.open(chosen, folder, self.clock, plugins or PluginRegistry.opened(), config)
        self.heard: list[Message] = []
        self.running.bus.subscribe_all(self.heard.append)

    def state(self, camera: CameraId = DOOR) -> CameraState:
        return next(one.status.state for one in self.running.cameras() if one.status.id == camera)

    def wait_for(self, state: CameraState, timeout_s: float = 10.0, camera: CameraId = DOOR) -> float:
        """Until the camera is in this state; how many seconds that took."""
        begun_s = self.clock.mono_s()
        until(lambda: self.state(camera) is state, timeout_s, f"{camera} {state} (is {self.state(camera)})")
        return self.clock.mono_s() - begun_s

    def wait_for_seconds(self, seconds: float, camera: CameraId = DOOR) -> None:
        """Until so much more is durably recorded."""
        before = self.recorded_s(camera)
        until(lambda: self.recorded_s(camera) >= before + seconds, seconds + 120, f"{seconds} s more of {camera}")

    def recorded_s(self, camera: CameraId) -> float:
        """So much is durably recorded of its large stream."""
        done = self.running.index.segments(camera, StreamName.MAIN, EVER)
        going = [one for one in self.running.open_segments(camera) if one.stream is StreamName.MAIN]
        return sum(one.span.seconds for one in [*done, *going])

    def gaps(self, camera: CameraId = DOOR) -> list[Gap]:
        """As they were data: all but the one before the first picture."""
        data = {
            one.gap.begin_ms: one.gap for one in self.heard if isinstance(one, GapChanged) and one.gap.camera == camera
        }
        return [gap for gap in data.values() if gap.reason is not GapReason.RECORDER_OFF]

    def told(self, camera: CameraId = DOOR) -> list[CameraState]:
        return [one.status.state for one in self.heard if isinstance(one, StatusChanged) and one.status.id == camera]


@contextmanager
def rig(
    chosen: Settings,
    folder: Path,
    plugins: PluginRegistry | None = None,
    config: Path | None = None,
    *,
    has_interface: bool = False,
) -> Iterator[Rig]:
    """has_interface: an interface is made for it, which starts what is not needed for the first picture."""
    made = Rig(chosen, folder, plugins, config)
    made.running.begin()
    if not has_interface:
        made.running.begin_housekeeping()
    try:
        yield made
    finally:
        made.running.close("person")


def looked_at(folder: Path) -> CheckReport:
    """What `tawny check --deep --wall` finds once the recorder is gone."""
    with index_to_read(folder) as index:
        return check_volume(Volume.at(folder), index, SystemClock(), CheckScope(deep=True, with_wall=True))


def segments(folder: Path, camera: CameraId = DOOR, stream: StreamName = StreamName.MAIN) -> list[Segment]:
    with index_to_read(folder) as index:
        return index.segments(camera, stream, EVER)


def run_begins(part: Sequence[object], whole: Sequence[object]) -> int:
    """Where `part` stands in `whole` without a break. Its first item alone may also stand before, as a clip repeats."""
    found = (n for n in range(len(whole) - len(part) + 1) if whole[n : n + len(part)] == part)
    first = next(found, None)
    assert first is not None, "not in one piece"
    return first


def assert_all_recorded(camera: RtspCamera, folder: Path, sent: Sequence[SentUnit], name: CameraId = DOOR) -> None:
    """Byte for byte what the camera sent in its one connection, at least as far as `sent`.

    But for sound before the first picture, which is not recorded.
    """
    assert len(camera.playing) == 1
    for is_video in (True, False):
        whole = [hashed(unit.data) for unit in camera.playing[0].sent if unit.is_video == is_video]
        recorded = [hashed(data) for data in on_disk(folder, name, is_video=is_video)]
        first = 0 if is_video else run_begins(recorded, whole)
        assert recorded == whole[first : first + len(recorded)]
        assert len(recorded) + first >= sum(unit.is_video == is_video for unit in sent)


def on_disk(folder: Path, camera: CameraId, *, is_video: bool) -> list[bytes]:
    """All that was recorded of a camera, in order."""
    found: list[bytes] = []
    for segment in segments(folder, camera):
        file = read_segment(Volume.at(folder).path(segment.path))
        found += [bytes(one.data) for one in samples(file, file.fragments) if one.is_video == is_video]
    return found


def hashed(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
