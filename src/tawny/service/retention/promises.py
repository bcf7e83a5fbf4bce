"""Retention promises: converts settings for the storage and checks whether they can be kept."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, Final

from tawny.config.retention import OTHER, CameraRetentionSettings, RetentionSettings, StreamRetentionSettings
from tawny.config.settings import Settings
from tawny.config.units import duration_text, size_text
from tawny.model.ids import CameraId, StreamName
from tawny.service.recorder import RecorderWarning
from tawny.storage.retention import contract as storage

FILE_S: Final = 60.0
"""Approximate duration, s, of a file."""

Rates = Mapping[tuple[CameraId, StreamName], tuple[float, float]]
"""Bytes per second of a stream: all packets, and keyframes only."""


def contract(settings: Settings) -> storage.RetentionContract:
    """Return the retention rules. A camera's settings override the general ones; those of sub streams override both."""
    everyone = settings.storage.retention
    removed = {name: one.retention for name, one in settings.removed_cameras.items()}
    owns = removed | {name: one.retention for name, one in settings.cameras.items()}
    keeps = {CameraId(name): own for name, own in owns.items() if own is not None}
    return storage.RetentionContract(
        _keep(everyone, everyone.sub, None, None),
        {camera: _keep(everyone, everyone.sub, own, own.sub) for camera, own in keeps.items()},
    )


def _keep(
    everyone: RetentionSettings,
    everyones_sub: StreamRetentionSettings | None,
    own: CameraRetentionSettings | None,
    own_sub: StreamRetentionSettings | None,
) -> storage.RetentionRule:
    main = _one([own, everyone], size_of=own or everyone, free=everyone.min_free)
    if everyones_sub is None and own_sub is None:
        return main
    small = _one(
        [own_sub, own, everyones_sub, everyone], size_of=own_sub if own else everyones_sub, free=everyone.min_free
    )
    return replace(main, sub=small)


def _one(tables: list[Any], *, size_of: Any, free: float) -> storage.RetentionRule:
    """Return one rule: each value from the first table that has it; limits of size and count only from `size_of`."""

    def setting(name: str) -> Any:
        return next((value for table in tables if (value := getattr(table, name, None)) is not None), None)

    events: dict[str, float] = dict(setting("events") or {})
    max_s: float = setting("max")
    if not _outlasts_max(tables):
        events = {kind: min(kind_s, max_s) for kind, kind_s in events.items()}
    return storage.RetentionRule(
        min_s=setting("min"),
        max_s=max_s,
        size_bytes=getattr(size_of, "max_size", None),
        free_share=free,
        events_s=events.pop(OTHER, 0.0),
        kinds_s=events,
        count=getattr(size_of, "max_files", None),
        thin_s=setting("keyframes_after"),
    )


def _outlasts_max(tables: list[Any]) -> bool:
    """Return whether events stay longer than `max`: a user asked for it, and no sub stream has a `max` of its own."""
    limit = next(table for table in tables if table is not None and table.max is not None)
    setting = next((one for one in tables if one is not None and getattr(one, "events", None) is not None), None)
    is_asked = setting is not None and "events" in setting.model_fields_set
    return is_asked and not isinstance(limit, StreamRetentionSettings)


def contradictions(settings: Settings) -> list[RecorderWarning]:
    """Return warnings for minimum times above their maximum. A default is reduced without a warning."""
    warnings = [*_broken("storage.retention", settings.storage.retention, settings.storage.retention)]
    for name, camera in settings.cameras.items():
        if camera.retention is not None:
            warnings += _broken(f"cameras.{name}.retention", camera.retention, settings.storage.retention)
    return warnings


def _broken(
    path: str, keep: RetentionSettings | CameraRetentionSettings, everyone: RetentionSettings
) -> Iterator[RecorderWarning]:
    max_s = keep.max if keep.max is not None else everyone.max
    tables: list[tuple[str, RetentionSettings | CameraRetentionSettings | StreamRetentionSettings, float]] = [
        (path, keep, max_s)
    ]
    if keep.sub is not None:
        tables.append((f"{path}.sub", keep.sub, keep.sub.max if keep.sub.max is not None else max_s))
    for where, table, longest_s in tables:
        if "min" in table.model_fields_set and table.min is not None and table.min > longest_s:
            yield RecorderWarning(
                f"`{where}.min` asks for {duration_text(table.min)}, but everything is deleted after "
                f"{duration_text(longest_s)}: `max` wins.",
                f"Lower it, or raise `{where}.max`.",
            )


def needed_bytes(kept: storage.RetentionContract, rates: Rates, camera: CameraId | None = None) -> float:
    """Return the bytes required for all minimum times at these rates. camera: only this one; None: all."""
    return sum(
        _stream_bytes(kept.of(whose, stream), *each)
        for (whose, stream), each in rates.items()
        if camera in (None, whose)
    )


def _stream_bytes(keep: storage.RetentionRule, rate: float, thinned_rate: float) -> float:
    promised_s = keep.min_s if keep.max_s is None else min(keep.min_s, keep.max_s)
    full_s = promised_s if keep.thin_s is None else min(promised_s, keep.thin_s)
    return full_s * rate + (promised_s - full_s) * thinned_rate


def limit_conflicts(kept: storage.RetentionContract, rates: Rates) -> list[RecorderWarning]:
    """Return warnings for promises that exceed a camera's own size limit at these rates, or a limit of files."""
    warnings: list[RecorderWarning] = []
    for camera, keep in kept.cameras.items():
        need = needed_bytes(kept, rates, camera)
        if keep.size_bytes is not None and need > keep.size_bytes:
            warnings.append(
                RecorderWarning(
                    f"The minimum retention of {camera} needs {size_text(need)}, but its "
                    f"limit is {size_text(keep.size_bytes)}.",
                    f"Raise `cameras.{camera}.retention.max_size`, or lower its `min`.",
                )
            )
    return [*warnings, *_too_few_files(kept, rates)]


def _too_few_files(kept: storage.RetentionContract, rates: Rates) -> Iterator[RecorderWarning]:
    for camera, stream, keep in kept.limits():
        if keep.count is None:
            continue
        need = sum(
            min(each.min_s, each.min_s if each.max_s is None else each.max_s) / FILE_S
            for whose, small in rates
            if camera in (None, whose) and stream in (None, small)
            for each in [kept.of(whose, small)]
        )
        if need > keep.count:
            where = "storage.retention" if camera is None else f"cameras.{camera}.retention"
            path = where if stream is None else f"{where}.sub"
            yield RecorderWarning(
                f"The minimum retention needs about {need:.0f} files, but `{path}.max_files` allows {keep.count}.",
                f"Raise `{path}.max_files`, or lower the minimum retention.",
            )
