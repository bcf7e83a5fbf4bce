"""What is recorded of a camera: reads the choice with its cost, and changes it while the recorder runs.

The cost of recording around events is replayed: yesterday's events with their pre-roll and post-roll.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final
from zoneinfo import ZoneInfo

from tawny.config.changes import change_recording, with_recording_in_modes
from tawny.config.settings import Settings
from tawny.model.errors import NotDone
from tawny.model.ids import CameraId
from tawny.model.segments import Recording
from tawny.model.times import Clock
from tawny.playback.recordings import events_within
from tawny.playback.timeline import day_of
from tawny.recorder.recording_times import RecordingTimes
from tawny.service.changeable_settings import ChangeableSettings, version_of
from tawny.service.retention.promises import Rates
from tawny.storage.index.protocol import Index

_MOST_EVENTS: Final = 10_000
"""Maximum number of events of a day that are replayed."""


@dataclass(frozen=True, slots=True)
class RecordingChoice:
    """What is recorded, by the camera's own settings. modes: what single modes record instead."""

    record: Recording
    pre_s: float
    post_s: float
    modes: Mapping[str, Recording]

    @property
    def version(self) -> str:
        """Return 16 letters that differ with any change of the choice."""
        return version_of([self.record, self.pre_s, self.post_s, dict(self.modes)])


class RecordingConflict(Exception):  # another person's change, not a failure
    """What is recorded of a camera has been changed since it was shown."""


@dataclass(frozen=True, slots=True)
class RecordedDay:
    """Yesterday, as each choice would have recorded it. seconds: of the day; events: number of that day.

    is_known: False if the camera is newer, or was not connected.
    """

    begin_ms: int
    end_ms: int
    events: int
    seconds: Mapping[Recording, float]
    is_known: bool


@dataclass(frozen=True, slots=True)
class RecordingChoiceInfo:
    """mode: the active one. byte_rate: bytes per second of both streams; None if unknown. is_in_file: changes last."""

    choice: RecordingChoice
    mode: str
    modes: tuple[str, ...]
    byte_rate: float | None
    yesterday: RecordedDay
    is_in_file: bool


class RecordingChoiceService:
    """rates: returns the present rates of streams. mode: returns the active mode. Thread-safe; waits for the disk."""

    def __init__(
        self,
        settings: ChangeableSettings,
        index: Index,
        rates: Callable[[], Rates],
        mode: Callable[[], str],
        clock: Clock,
        zone: ZoneInfo,
    ) -> None:
        self._settings, self._index, self._rates = settings, index, rates
        self._mode, self._clock, self._zone = mode, clock, zone

    def now(self, camera: CameraId, pre_s: float | None = None, post_s: float | None = None) -> RecordingChoiceInfo:
        """Return the choice and its cost. pre_s, post_s: replay with these; None: the camera's own."""
        settings = self._settings.now()
        chosen = self._chosen(settings, camera)
        mine = [whole for (whose, _), (whole, _) in self._rates().items() if whose == camera]
        pre_s, post_s = chosen.pre_s if pre_s is None else pre_s, chosen.post_s if post_s is None else post_s
        return RecordingChoiceInfo(
            chosen,
            self._mode(),
            settings.modes.names,
            sum(mine) if mine else None,
            self._yesterday(camera, pre_s, post_s),
            self._settings.file is not None,
        )

    def change(self, camera: CameraId, choice: RecordingChoice, version: str | None = None) -> None:
        """Apply the choice at once, durably if there is a settings file. Nothing recorded before is deleted.

        version: of the choice that was shown; None: overwrite any changes made since. Raises RecordingConflict,
        SettingsError, NotDone and FolderUnwritable; nothing has changed then.
        """
        with self._settings.changing():
            now = self._settings.now()
            shown = self._chosen(now, camera)
            if version is not None and version != shown.version:
                raise RecordingConflict
            modes = with_recording_in_modes(now.modes, camera, choice.modes)
            if self._settings.file is not None:
                change_recording(
                    self._settings.file, camera, choice.record, (choice.pre_s, choice.post_s), choice.modes
                )
            own = {"record": choice.record, "pre": choice.pre_s, "post": choice.post_s}
            cameras = {**now.cameras, camera: now.cameras[camera].model_copy(update=own)}
            self._settings.apply_written(now.model_copy(update={"cameras": cameras, "modes": modes}))

    def _chosen(self, settings: Settings, camera: CameraId) -> RecordingChoice:
        if camera not in settings.cameras:
            raise NotDone(f"No camera named {camera}.", "It may have been removed. Reload the page.")
        own = settings.cameras[camera]
        by_mode = {mode: settings.modes.record_in(mode, camera) for mode in settings.modes.names}
        return RecordingChoice(
            own.record, own.pre, own.post, {mode: record for mode, record in by_mode.items() if record is not None}
        )

    def _yesterday(self, camera: CameraId, pre_s: float, post_s: float) -> RecordedDay:
        today = day_of(self._zone, self._clock.now_ms())
        day = day_of(self._zone, today.begin_ms - 1)
        events = events_within(self._index, camera, day, _MOST_EVENTS)
        seconds: dict[Recording, float] = {"continuous": day.seconds, "off": 0.0}
        for record in ("events", "transitions"):
            wanted = RecordingTimes(record, pre_s, post_s)
            for event in events:
                wanted.on_event(event, 0)  # none is forgotten
            seconds[record] = sum(cut.seconds for span in wanted.spans() if (cut := span.cut_to(day)) is not None)
        bounds = self._index.bounds(camera)
        is_known = bool(events) or (bounds is not None and bounds.begin_ms < day.end_ms)
        return RecordedDay(day.begin_ms, day.end_ms, len(events), seconds, is_known)
