"""Self-test, every night: decodes a random file of each camera and verifies another against its hashes.

If the computer was off or asleep at night, the test is made up for by day.

One actor. It works in small steps with pauses to keep the load low; one minute of a camera takes some seconds of one
core.
"""

import json
import logging
import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Final
from zoneinfo import ZoneInfo

from tawny.engine import ActorHandle, Engine
from tawny.media.codec.decoder import Decoder
from tawny.media.mp4.leaf_proof import change_text, changed_fragments
from tawny.media.mp4.segment_reader import read_segment, samples
from tawny.model.errors import FileDamaged, FileMissing, StorageError
from tawny.model.ids import CameraId
from tawny.model.packets import SourcePacket
from tawny.model.segments import Segment
from tawny.model.times import Clock, Span
from tawny.storage.disk.layout import is_sealed
from tawny.storage.disk.volume import Volume
from tawny.storage.index.protocol import Index
from tawny.storage.repair.healing import wrong_with

log = logging.getLogger(__name__)

HOUR: Final = 3
"""Hour of local time in which it starts."""
_LOOK_S, _PAUSE_S = 60.0, 0.1
_AWAKE_S: Final = 600.0
"""How long a computer that was off or asleep runs before the test is caught up: its disks may appear late."""
_MINUTE_MS: Final = 60_000
PATH: Final = "history/self-test.json"
_ENOUGH: Final = 0.9
"""Minimum share of frames that must be decoded."""


@dataclass(frozen=True, slots=True)
class SelfTest:
    """Result of a self-test. problems: sentences; empty if none."""

    at_ms: int
    minutes: int
    """Count of files decoded."""
    files: int
    """Count of files verified."""
    problems: tuple[str, ...]
    night: str = ""
    """Local date of the last nightly test, which may be an earlier one; empty: none."""


class SelfTester:
    """Runs the self-test as an actor.

    last: None before the first test; kept over restarts, so that a restart resolves no problem. mend: repairs a file,
    given its path and the damage; returns whether it is repaired.
    """

    name = "self-test"

    def __init__(
        self,
        volume: Volume,
        index: Index,
        clock: Clock,
        zone: ZoneInfo,
        cameras: Callable[[], Sequence[CameraId]],
        dice: random.Random | None = None,
        mend: Callable[[str, str], bool] = lambda _path, _why: False,
    ) -> None:
        self._mend = mend
        self._volume, self._index, self._clock, self._zone, self._cameras = volume, index, clock, zone, cameras
        self._dice = dice or random.SystemRandom()
        self._work: Iterator[None] | None = None
        self._night = ""
        self._minutes = self._files = 0
        self._problems: list[str] = []
        self._is_asked = False
        self._awake_s = self._looked_s = float("-inf")
        """Since when it looks, without a longer pause, whether to catch up; when it last did; s monotonic."""
        self._handle = ActorHandle()
        self.last = _stored(volume)

    def start(self, engine: Engine) -> None:
        self._handle.start(engine, self.name, lambda: self)

    def ask(self) -> None:
        """Request a test now, with each camera's newest recording and a write test of every disk. Returns at once."""
        self._is_asked = True
        self._handle.wake()

    @property
    def is_running(self) -> bool:
        return self._is_asked or self._work is not None

    def step(self) -> float:
        if self._work is None:
            if not self._is_asked and not self._is_due():
                return _LOOK_S
            self._night = self._last_night if self._is_asked else str(self._local().date())
            self._minutes, self._files, self._problems = 0, 0, []
            self._work = self._all(newest=self._is_asked)
            self._is_asked = False
        if next(self._work, self) is self:
            self._work = None
            found = self._minutes, self._files, tuple(self._problems)
            self.last = SelfTest(self._clock.now_ms(), *found, self._night)
            for problem in self._problems:
                log.error("self-test: %s", problem)
            try:
                self._volume.write_whole(PATH, json.dumps(asdict(self.last)).encode())
            except StorageError as error:
                log.warning("a restart would forget the result of the self-test: %s", error)
        return _PAUSE_S

    def close(self) -> None:
        """No resources to release."""

    def _is_due(self) -> bool:
        local = self._local()
        if local.hour < HOUR or self._last_night == str(local.date()):
            return False
        return local.hour == HOUR or self._is_to_be_caught_up(local)

    def _is_to_be_caught_up(self, local: datetime) -> bool:
        """Return whether something was recorded before this night's test was due, and no test was made since."""
        due_ms = round(local.replace(hour=HOUR, minute=0, second=0).timestamp() * 1000)
        last_ms = self.last.at_ms if self.last is not None else 0
        bounds = [self._index.bounds(camera) for camera in self._cameras()]
        if due_ms <= last_ms <= self._clock.now_ms() or not any(one and one.begin_ms < due_ms for one in bounds):
            return False
        now_s = self._clock.mono_s()
        if now_s - self._looked_s > 2 * _LOOK_S:  # it was asleep since, or nothing was missed
            self._awake_s = now_s
        self._looked_s = now_s
        return now_s - self._awake_s >= _AWAKE_S

    @property
    def _last_night(self) -> str:
        return self.last.night if self.last is not None else ""

    def _local(self) -> datetime:
        return datetime.fromtimestamp(self._clock.now_ms() // 1000, UTC).astimezone(self._zone)

    def _all(self, *, newest: bool) -> Iterator[None]:
        if newest:
            yield from self._take_a_file()
        for camera in self._cameras():
            for test in (self._play, self._verify):
                segment = self._newest(camera) if newest and test == self._play else self._any(camera)
                if segment is None:
                    continue
                try:
                    yield from test(segment)
                except (FileDamaged, StorageError) as error:
                    if self._index.segment(segment.id) is not None:  # otherwise it was deleted during the test
                        self._problems.append(error.message)

    def _take_a_file(self) -> Iterator[None]:
        """Test that every disk with recordings is writable."""
        for volume in self._volume.everywhere:
            try:
                volume.check_writable()
            except StorageError as error:
                self._problems.append(error.message)
            yield

    def _newest(self, camera: CameraId) -> Segment | None:
        bounds = self._index.bounds(camera)
        found = self._index.segments(camera, None, Span(bounds.end_ms - 1, bounds.end_ms)) if bounds else []
        return found[-1] if found else None

    def _any(self, camera: CameraId) -> Segment | None:
        """Return a random segment; None if there is none."""
        bounds = self._index.bounds(camera)
        if bounds is None:
            return None
        for _ in range(20):
            at_ms = self._dice.randint(bounds.begin_ms, max(bounds.begin_ms, bounds.end_ms - 1))
            near = self._index.segments(camera, None, Span(at_ms, at_ms + _MINUTE_MS))
            found = [one for one in near if not self._is_archived(one)]
            if found:
                return self._dice.choice(found)
        return self._newest(camera)  # a camera that is recorded around events has little

    def _is_archived(self, segment: Segment) -> bool:
        """Return whether the segment is in an archive, where reading all of it costs."""
        holding = self._volume.holding(segment.path)
        return holding is not None and holding.archive is not None

    def _play(self, segment: Segment) -> Iterator[None]:
        if is_sealed(segment.path):
            return  # verification requires the key
        read = read_segment(self._volume.path(segment.path))
        decoder, wanted, got = Decoder(read.video, segment.camera), 0, 0
        for fragment in read.fragments:
            for stored in samples(read, [fragment]):
                if stored.is_video:
                    wanted += 1
                    got += len(decoder.decode(SourcePacket(read.video, stored.data, stored.pts, stored.is_keyframe)))
            yield
        got += len(decoder.drain())
        self._minutes += 1
        if got < wanted * _ENOUGH:
            self._problems.append(f"{segment.path} doesn't play: only {got} of {wanted} frames could be decoded.")

    def _verify(self, segment: Segment) -> Iterator[None]:
        yield
        if is_sealed(segment.path):
            holding = self._volume.holding(segment.path) or self._volume
            why, is_verified = wrong_with(holding, segment.path), True
        else:
            read = read_segment(self._volume.path(segment.path))
            rotten = changed_fragments(read)
            why, is_verified = change_text(rotten or (), len(read.fragments)), rotten is not None
        self._files += is_verified
        if why:
            mended = " It was restored from the mirror." if self._mend(segment.path, why) else ""
            self._problems.append(
                f"{segment.path} changed on disk: {why}.{mended} The disk may be failing. Replace it soon."
            )


def _stored(volume: Volume) -> SelfTest | None:
    """Return the last result; None if there is none that can be read."""
    try:
        data = json.loads(volume.disk.read(PATH))
        numbers = int(data["at_ms"]), int(data["minutes"]), int(data["files"])
        return SelfTest(*numbers, tuple(map(str, data["problems"])), str(data.get("night", "")))
    except FileMissing:
        return None
    except (StorageError, ValueError, KeyError, TypeError):
        log.warning("%s can't be read: the result of the last self-test is not known", PATH)
        return None


def self_test_text(last: SelfTest | None) -> str:
    """Return the result as text for the status command."""
    if last is None:
        return "The nightly self-test hasn't run yet."
    if last.problems:
        return " ".join(last.problems)
    return f"Last self-test: {last.minutes} recordings played back correctly, {last.files} verified."
