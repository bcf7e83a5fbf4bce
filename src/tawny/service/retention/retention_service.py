"""Retention service: reads and changes retention settings at runtime, at once and in the settings file if in use."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Literal

from tawny.config.changes import change_retention, parse_retention, retention_to_table, without_defaults
from tawny.config.settings import Settings
from tawny.model.errors import NotDone, StorageError
from tawny.model.ids import CameraId, StreamName
from tawny.model.times import Clock
from tawny.service.changeable_settings import ChangeableSettings, version_of
from tawny.service.recorder import DiskInfo, RecorderWarning
from tawny.service.retention.forecast import DAY_S, FreeSpace, locked_recordings
from tawny.service.retention.promises import Rates, contract
from tawny.service.retention.secondary_volumes import OtherVolumes
from tawny.storage.disk.mirror import Mirror
from tawny.storage.disk.volume import Volume
from tawny.storage.index.protocol import Index
from tawny.storage.retention.contract import RetentionContract
from tawny.storage.retention.planning import RemovalPlan
from tawny.storage.retention.runner import Retention


@dataclass(frozen=True, slots=True)
class RetentionRequest:
    """Retention settings in the keys of the settings file. cameras: overrides by camera; empty for none."""

    everyone: Mapping[str, Any]
    cameras: Mapping[CameraId, Mapping[str, Any]]

    @property
    def version(self) -> str:
        """Return 16 letters that differ with any change of the settings; a camera without own ones changes nothing."""
        own = {camera: table for camera, table in self.cameras.items() if table}
        return version_of([self.everyone, own])


class RetentionConflict(Exception):  # another person's change, not a failure
    """Retention has been changed since it was shown. by: empty: in the settings file."""

    def __init__(self, by: str) -> None:
        super().__init__("changed meanwhile")
        self.by = by


@dataclass(frozen=True, slots=True)
class CameraRetention:
    """Retention of a camera. day_bytes: per day at the average rate; fits_s: predicted reach, s; None if unknown."""

    id: CameraId
    used_bytes: int
    day_bytes: float | None
    promised_s: float
    fits_s: float | None
    oldest_ms: int | None


UseName = Literal["first", "tier", "spare", "mirror"]


@dataclass(frozen=True, slots=True)
class VolumeRetentionInfo:
    path: str
    use: UseName
    free_bytes: int | None
    total_bytes: int | None
    problem: str
    """Why it is not in use; empty if it is."""
    stored_bytes: int | None = None
    """Size of what is stored in an archive, which states no capacity; None for a disk."""


@dataclass(frozen=True, slots=True)
class RetentionReport:
    """Retention report. locked: count of kept events, at most 1000, and the bytes of their recordings."""

    request: RetentionRequest
    is_in_file: bool
    cameras: Sequence[CameraRetention]
    volumes: Sequence[VolumeRetentionInfo]
    locked: int
    locked_bytes: int
    removed: Mapping[CameraId, int]
    """Bytes of each removed camera that still has recordings."""
    warnings: Sequence[RecorderWarning]
    fits: bool | None
    """Whether all minimum retention times fit; None if unknown."""
    outlook: str
    """The sentence that says so."""


@dataclass(frozen=True, slots=True)
class StoredRecordings:
    """The recordings on all volumes, and what removes, moves and copies them. mirror: None: not configured."""

    volume: Volume
    index: Index
    retention: Retention
    room: FreeSpace
    others: OtherVolumes
    mirror: Mirror | None


class RetentionService:
    """Retention for clients. Thread-safe; calls wait for the disk."""

    def __init__(self, kept: StoredRecordings, clock: Clock, settings: ChangeableSettings) -> None:
        self._kept, self._clock, self._settings = kept, clock, settings
        self._last = ("", "")
        """The version that was changed to last, and by which user."""

    def now(self) -> RetentionReport:
        settings = self._settings.now()
        kept, rates = contract(settings), self._kept.room.rates()
        figures = self._kept.room.figures
        locked, locked_bytes = locked_recordings(self._kept.index, self._clock.now_ms())
        return RetentionReport(
            request=_request_of(settings),
            is_in_file=self._settings.file is not None,
            cameras=[self._camera(CameraId(name), kept, rates, figures) for name in settings.cameras],
            volumes=list(self._volumes()),
            locked=locked,
            locked_bytes=locked_bytes,
            removed=self._removed(settings),
            warnings=self._kept.room.warnings,
            fits=None if figures is None else figures.fits,
            outlook="" if figures is None else figures.outlook,
        )

    def plan(self, request: RetentionRequest | None, ahead_s: float) -> RemovalPlan:
        """Return what would be removed now, or within ahead_s at present rates.

        request: settings to evaluate; None: the current ones. Raises SettingsError if they are invalid.
        """
        chosen = None if request is None else contract(self._with(request))
        figures = self._kept.room.figures
        ahead_bytes = 0
        if figures is not None and figures.fits is not None:
            ahead_bytes = round(sum(rate for rate, _ in self._kept.room.rates().values()) * ahead_s)
            most_bytes = (chosen or contract(self._settings.now())).everyone.size_bytes
            if most_bytes is not None:  # beyond it, what is recorded takes the place of older recordings
                ahead_bytes = min(ahead_bytes, max(0, most_bytes - self._kept.index.size_bytes()))
        return self._kept.retention.plan(chosen=chosen, ahead_s=ahead_s, ahead_bytes=ahead_bytes)

    def refuse_changed(self, version: str | None) -> None:
        """Raise RetentionConflict if the settings are no longer those of this version; None: whatever they are."""
        now, (last, by) = _request_of(self._settings.now()).version, self._last
        if version is not None and version != now:
            raise RetentionConflict(by if now == last else "")

    def change(self, request: RetentionRequest, by: str = "", version: str | None = None) -> None:
        """Apply the settings, durably if a settings file is in use.

        version: of the settings that were shown; None: overwrite any changes made since. Raises RetentionConflict,
        SettingsError, NotDone and FolderUnwritable; nothing is changed then.
        """
        with self._settings.changing():
            self.refuse_changed(version)
            new = self._with(request)
            if self._settings.file is not None:
                new = change_retention(self._settings.file, request.everyone, request.cameras)
            self._settings.apply_written(new)
            self._last = (_request_of(self._settings.now()).version, by)
        self._kept.retention.wake()

    def _with(self, request: RetentionRequest) -> Settings:
        """Return the current settings with this change."""
        now = self._settings.now()
        for name in request.cameras:
            if name not in now.cameras:
                raise NotDone(f"No camera named {name}.", "It may have been removed. Reload the page.")
        everyone, own = parse_retention(without_defaults(now.storage.retention, request.everyone), request.cameras)
        cameras = {
            name: camera.model_copy(update={"retention": own[name]}) if name in own else camera
            for name, camera in now.cameras.items()
        }
        storage = now.storage.model_copy(update={"retention": everyone})
        return now.model_copy(update={"storage": storage, "cameras": cameras})

    def _camera(
        self, camera: CameraId, kept: RetentionContract, rates: Rates, figures: DiskInfo | None
    ) -> CameraRetention:
        mine = [rate for (whose, _), (rate, _) in rates.items() if whose == camera]
        keep, bounds = kept.of(camera, StreamName.MAIN), self._kept.index.bounds(camera)
        is_known = figures is not None and figures.fits is not None
        fits_s = None if figures is None or figures.keeps_days is None else figures.keeps_days * DAY_S
        if figures is not None and figures.fits and fits_s is not None:
            fits_s = max(fits_s, keep.min_s)  # the others make room for it
        if keep.size_bytes is not None and sum(mine) > 0:
            own_s = keep.size_bytes / sum(mine)
            fits_s = own_s if fits_s is None else min(fits_s, own_s)
        if fits_s is not None and keep.max_s is not None:
            fits_s = min(fits_s, keep.max_s)
        return CameraRetention(
            id=camera,
            used_bytes=self._kept.index.size_bytes(camera),
            day_bytes=sum(mine) * DAY_S if mine and is_known else None,
            promised_s=keep.min_s,
            fits_s=fits_s if mine and is_known else None,
            oldest_ms=bounds.begin_ms if bounds else None,
        )

    def _volumes(self) -> list[VolumeRetentionInfo]:
        found = [_of_volume(self._kept.volume, "first", "")]
        problems = {look.name: (look.use, look.problem, look.volume) for look in self._kept.others.looks()}
        for root, (use, problem, volume) in problems.items():
            words = problem.message if problem is not None else ""
            if volume is None or words:
                found.append(VolumeRetentionInfo(root, use, None, None, words))
            else:
                found.append(_of_volume(volume, use, ""))
        if (mirror := self._kept.mirror) is not None:
            words = mirror.problem.message if mirror.problem is not None else ""
            copies = [] if words else [copy for copy in self._kept.volume.copies if copy.root == mirror.root.resolve()]
            found += [_of_volume(copy, "mirror", "") for copy in copies[:1]]
            if not copies:
                found.append(VolumeRetentionInfo(str(mirror.root), "mirror", None, None, words))
        return found

    def _removed(self, settings: Settings) -> dict[CameraId, int]:
        index, gone = self._kept.index, map(CameraId, settings.removed_names)
        return {camera: index.size_bytes(camera) for camera in gone if index.bounds(camera) is not None}


def _request_of(settings: Settings) -> RetentionRequest:
    return RetentionRequest(
        retention_to_table(settings.storage.retention),
        {CameraId(name): retention_to_table(camera.retention) for name, camera in settings.cameras.items()},
    )


def _of_volume(volume: Volume, use: UseName, problem: str) -> VolumeRetentionInfo:
    if volume.archive is not None:  # a bucket states no capacity
        return VolumeRetentionInfo(volume.name, use, None, None, problem, volume.archive.objects.size_bytes)
    with suppress(StorageError):
        space = volume.space()
        return VolumeRetentionInfo(str(volume.root), use, space.free_bytes, space.total_bytes, problem)
    return VolumeRetentionInfo(str(volume.root), use, None, None, problem or "The disk can't be read.")
