"""What changed between two settings, so that a change restarts only what it concerns."""

from dataclasses import dataclass

from tawny.config.settings import CameraSettings, DetectionSettings, Settings

_OUTWARD = ("outbox", "destinations", "notifiers")
_PROGRAMS = ("webhooks", "api_clients", "mqtt", "scripts", "relays")
AT_ONCE = frozenset({*_OUTWARD, "relays", "web.public_url", "storage.encrypt", "encryption"})
"""Paths of `SettingsDifference.other` that are taken over while it runs; so is what is kept."""


@dataclass(frozen=True, slots=True)
class SettingsDifference:
    """cameras: ids. `other`: paths that differ and concern no running camera, such as `storage.retention`."""

    added: tuple[str, ...]
    removed: tuple[str, ...]
    changed: tuple[str, ...]
    watched: tuple[str, ...]
    """Those that are only watched otherwise: recording them goes on."""
    other: tuple[str, ...]

    def __bool__(self) -> bool:
        return bool(self.added or self.removed or self.changed or self.watched or self.other)


def difference(old: Settings, new: Settings) -> SettingsDifference:
    both = [key for key in old.cameras if key in new.cameras]
    return SettingsDifference(
        added=tuple(key for key in new.cameras if key not in old.cameras),
        removed=tuple(key for key in old.cameras if key not in new.cameras),
        changed=tuple(key for key in both if _recorded(old.cameras[key]) != _recorded(new.cameras[key])),
        watched=tuple(
            key
            for key in both
            if _watched(old.cameras[key]) != _watched(new.cameras[key])
            and _recorded(old.cameras[key]) == _recorded(new.cameras[key])
        ),
        other=(
            *(
                f"{table}.{key}"
                for table in ("storage", "web")
                for key in type(getattr(new, table)).model_fields
                if getattr(getattr(old, table), key) != getattr(getattr(new, table), key)
            ),
            *(table for table in (*_OUTWARD, *_PROGRAMS, "encryption") if getattr(old, table) != getattr(new, table)),
            *(f"cameras.{key}.retention" for key in both if old.cameras[key].retention != new.cameras[key].retention),
        ),
    )


def _recorded(camera: CameraSettings) -> CameraSettings:
    """What its recording goes by: how long it is kept, how it is watched and turned, is nothing to that."""
    return camera.model_copy(
        update={"retention": None, "detection": DetectionSettings(), "privacy_masks": (), "onvif": ""}
    )


def _watched(camera: CameraSettings) -> tuple[object, ...]:
    return camera.detection, camera.privacy_masks
