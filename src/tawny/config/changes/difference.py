"""Difference between two settings, so that a change restarts only what it affects."""

from dataclasses import dataclass

from tawny.config.settings import CameraSettings, DetectionSettings, Settings

_OUTWARD = ("outbox", "destinations", "notifiers")
_PROGRAMS = ("webhooks", "api_clients", "mqtt", "scripts", "relays")
_WEB = ("web.public_url", "web.hosts", "web.proxies")
AT_ONCE = frozenset({*_OUTWARD, *_WEB, "relays", "storage.encrypt", "encryption"})
"""Paths in `SettingsDifference.other` that take effect without a restart, in addition to retention."""


@dataclass(frozen=True, slots=True)
class SettingsDifference:
    """Differences between two settings.

    added, removed, changed, watched: camera IDs. other: changed paths that do not restart a camera, for example
    `storage.retention`.
    """

    added: tuple[str, ...]
    removed: tuple[str, ...]
    changed: tuple[str, ...]
    watched: tuple[str, ...]
    """Cameras with changed detection settings only; their recording continues."""
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
    """Return the camera without settings that do not affect recording: retention, detection, masks and ONVIF."""
    return camera.model_copy(
        update={"retention": None, "detection": DetectionSettings(), "privacy_masks": (), "onvif": ""}
    )


def _watched(camera: CameraSettings) -> tuple[object, ...]:
    return camera.detection, camera.privacy_masks
