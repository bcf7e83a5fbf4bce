"""Retention service: reads and changes retention settings at runtime, at once and in the settings file if in use."""

import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Protocol

from tawny.config.changes.retention import change_retention, parse_retention, retention_to_table
from tawny.config.settings import Settings
from tawny.model.clock import Clock
from tawny.model.errors import NotDone, StorageError
from tawny.model.ids import CameraId, StreamName
from tawny.model.times import Span, merge_spans
from tawny.service.recorder import DiskInfo, RecorderWarning
from tawny.service.retention.forecast import DAY_S
from tawny.service.retention.promises import Rates, contract
from tawny.service.retention.secondary_volumes import OtherVolumes
from tawny.storage.disk.mirror import Mirror
from tawny.storage.disk.volume import Volume
from tawny.storage.index.protocol import Index
from tawny.storage.retention.contract import RetentionContract
from tawny.storage.retention.planning import RemovalPlan
from tawny.storage.retention.runner import Retention

# Interface for the web layer: retention settings, usage and planned removals.


@dataclass(frozen=True, slots=True)
class RetentionRequest:
    """Retention settings in the keys of the settings file. cameras: overrides by camera; empty for none."""

    everyone: Mapping[str, Any]
    cameras: Mapping[CameraId, Mapping[str, Any]]


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


@dataclass(frozen=True, slots=True)
class RetentionReport:
    """Retention report. locked: count of kept events, at most 1000, and the bytes of their recordings."""

    asked: RetentionRequest
    is_in_file: bool
    cameras: Sequence[CameraRetention]
    volumes: Sequence[VolumeRetentionInfo]
    locked: int
    locked_bytes: int
    warnings: Sequence[RecorderWarning]
    fits: bool | None
    """Whether all minimum retention times fit; None if unknown."""
    outlook: str
    """The sentence that says so."""


class RetentionApi(Protocol):
    """Manages retention. Thread-safe; calls wait for the disk."""

    def now(self) -> RetentionReport: ...
    def plan(self, asked: RetentionRequest | None, ahead_s: float) -> RemovalPlan:
        """Return what would be removed now, or within ahead_s at present rates.

        asked: settings to evaluate; None: the current ones. Raises SettingsError if they are invalid.
        """
        ...

    def change(self, asked: RetentionRequest) -> None:
        """Apply the settings, durably if a settings file is in use.

        Raises SettingsError, NotDone and FolderUnwritable; nothing is changed then.
        """
        ...


MOST_LOCKED = 1000


class RetentionService:
    """Retention for clients.

    settings: returns the current ones; apply: applies changed ones. config: the settings file; None: not in use.
    """

    def __init__(
        self,
        volume: Volume,
        index: Index,
        clock: Clock,
        retention: Retention,
        others: OtherVolumes,
        mirror: Mirror | None,
        settings: Callable[[], Settings],
        apply: Callable[[Settings, str], None],
        config: Path | None,
        rates: Callable[[], Rates],
        room: Callable[[], tuple[DiskInfo | None, tuple[RecorderWarning, ...]]],
    ) -> None:
        self._volume, self._index, self._clock, self._retention = volume, index, clock, retention
        self._others, self._mirror = others, mirror
        self._settings, self._apply, self._config, self._rates, self._room = settings, apply, config, rates, room
        self._lock = threading.Lock()

    def now(self) -> RetentionReport:
        settings = self._settings()
        kept, rates = contract(settings), self._rates()
        figures, warnings = self._room()
        asked = RetentionRequest(
            retention_to_table(settings.storage.retention),
            {CameraId(name): retention_to_table(camera.retention) for name, camera in settings.cameras.items()},
        )
        locked, locked_bytes = self._locked()
        return RetentionReport(
            asked=asked,
            is_in_file=self._config is not None,
            cameras=[self._camera(CameraId(name), kept, rates, figures) for name in settings.cameras],
            volumes=list(self._volumes()),
            locked=locked,
            locked_bytes=locked_bytes,
            warnings=warnings,
            fits=None if figures is None else figures.fits,
            outlook="" if figures is None else figures.outlook,
        )

    def plan(self, asked: RetentionRequest | None, ahead_s: float) -> RemovalPlan:
        chosen = None if asked is None else contract(self._with(asked))
        figures, _ = self._room()
        ahead_bytes = 0
        if figures is not None and figures.fits is not None:
            ahead_bytes = round(sum(rate for rate, _ in self._rates().values()) * ahead_s)
            most_bytes = (chosen or contract(self._settings())).everyone.size_bytes
            if most_bytes is not None:  # beyond it, what is recorded takes the place of older recordings
                ahead_bytes = min(ahead_bytes, max(0, most_bytes - self._index.size_bytes()))
        return self._retention.plan(chosen=chosen, ahead_s=ahead_s, ahead_bytes=ahead_bytes)

    def change(self, asked: RetentionRequest) -> None:
        with self._lock:
            new = self._with(asked)
            if self._config is not None:
                new = change_retention(self._config, asked.everyone, asked.cameras)
            self._apply(new, str(self._config or "the settings"))
        self._retention.wake()

    def _with(self, asked: RetentionRequest) -> Settings:
        """Return the current settings with this change."""
        now = self._settings()
        for name in asked.cameras:
            if name not in now.cameras:
                raise NotDone(f"No camera named {name}.", "It may have been removed. Reload the page.")
        everyone, own = parse_retention(asked.everyone, asked.cameras)
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
        keep, bounds = kept.of(camera, StreamName.MAIN), self._index.bounds(camera)
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
            used_bytes=self._index.size_bytes(camera),
            day_bytes=sum(mine) * DAY_S if mine and is_known else None,
            promised_s=keep.min_s,
            fits_s=fits_s if mine and is_known else None,
            oldest_ms=bounds.begin_ms if bounds else None,
        )

    def _volumes(self) -> list[VolumeRetentionInfo]:
        found = [_of_volume(self._volume, "first", "")]
        problems = {str(look.root): (look.use, look.problem, look.volume) for look in self._others.looks()}
        for root, (use, problem, volume) in problems.items():
            words = problem.message if problem is not None else ""
            if volume is None or words:
                found.append(VolumeRetentionInfo(root, use, None, None, words))
            else:
                found.append(_of_volume(volume, use, ""))
        if self._mirror is not None:
            words = self._mirror.problem.message if self._mirror.problem is not None else ""
            copies = [] if words else [copy for copy in self._volume.copies if copy.root == self._mirror.root.resolve()]
            found += [_of_volume(copy, "mirror", "") for copy in copies[:1]]
            if not copies:
                found.append(VolumeRetentionInfo(str(self._mirror.root), "mirror", None, None, words))
        return found

    def _locked(self) -> tuple[int, int]:
        page = self._index.events(Span(0, self._clock.now_ms() + 1), only="kept", limit=MOST_LOCKED)
        of_each: dict[CameraId, list[Span]] = {}
        for event in page.events:
            end_ms = max(event.start_ms + 1, event.end_ms or self._clock.now_ms())
            of_each.setdefault(event.camera, []).append(Span(event.start_ms, end_ms))
        rows = {
            row.id: row.size_bytes
            for camera, spans in of_each.items()
            for span in merge_spans(spans)
            for row in self._index.segments(camera, None, span)
        }
        return len(page.events), sum(rows.values())


def _of_volume(volume: Volume, use: UseName, problem: str) -> VolumeRetentionInfo:
    with suppress(StorageError):
        space = volume.space()
        return VolumeRetentionInfo(str(volume.root), use, space.free_bytes, space.total_bytes, problem)
    return VolumeRetentionInfo(str(volume.root), use, None, None, problem or "The disk can't be read.")
