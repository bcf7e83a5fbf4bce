"""When a change of settings takes effect: what differs between two settings, and what must restart for it.

Each key of `Settings` and of `CameraSettings` is in one of the tables below. The next start, the reference, the page of
all settings and the running recorder read them.
"""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

from tawny.config.settings import CameraSettings, Settings

AT_ONCE: Final = frozenset(
    {
        "storage.retention", "storage.snapshots", "storage.encrypt", "encryption",
        "web.name", "web.public_url", "web.hosts", "web.proxies", "web.secure", "sign_in", "updates",
        "fleet", "hub.copies", "standby", "modes", "object_detection", "search", "recognizers", "rules",
        "outbox", "destinations", "files", "notifiers", "relays", "cameras", "removed_cameras",
    }
)  # fmt: skip
"""Tables and keys that take effect while tawny runs."""
AT_START: Final = frozenset(
    {"storage", "web", "live", "heartbeat", "hub", "log", "webhooks", "api_clients", "mqtt", "scripts"}
)
"""Tables that are read at the next start, but for their keys in AT_ONCE."""

RECONNECTS: Final = frozenset(
    {"source", "sub", "microphone", "warm_up", "sleeps", "encrypt", "recipients", "burn_in_masks"}
)
"""Settings of a camera for which it connects again and begins new files. So do the tables of its source."""
STAYS_CONNECTED: Final = frozenset(
    {
        "name", "group", "rotate", "mirror", "lens", "record", "pre", "post", "onvif", "camera_events", "event_api",
        "events_port", "fill_gaps", "ptz", "privacy_masks", "detection",
    }
)  # fmt: skip
"""Settings that a camera takes over while it records."""
READ_WHEN_NEEDED: Final = frozenset({"retention", "neighbors", "serial", "mac"})
"""Settings of which a running camera has no copy."""


@dataclass(frozen=True, slots=True)
class SettingsDifference:
    """Differences between two settings.

    added, removed: camera IDs. changed: cameras that connect again. watched: cameras that stay connected and take the
    change over. other: changed paths outside of these, for example `web.name`, `rules`, `cameras.front.retention`.
    """

    added: tuple[str, ...]
    removed: tuple[str, ...]
    changed: tuple[str, ...]
    watched: tuple[str, ...]
    other: tuple[str, ...]

    def __bool__(self) -> bool:
        return bool(self.added or self.removed or self.changed or self.watched or self.other)

    @property
    def at_start(self) -> tuple[str, ...]:
        """Paths of which the change takes effect at the next start."""
        return tuple(path for path in self.other if takes_effect_at_start(path))


def takes_effect_at_start(path: str) -> bool:
    """Return whether a change of this table or key takes effect at the next start. path: `hub.listen`, `mqtt`."""
    return is_in(path, AT_START) and not is_in(path, AT_ONCE)


def keys_at_once(table: str) -> list[str]:
    """Return the keys and tables below this table of AT_START that take effect at once: `name` of `web`."""
    return sorted(path.removeprefix(f"{table}.") for path in AT_ONCE if path.startswith(f"{table}."))


def difference(old: Settings, new: Settings) -> SettingsDifference:
    both = {key: (old.cameras[key], new.cameras[key]) for key in old.cameras if key in new.cameras}
    changed = tuple(key for key, (before, after) in both.items() if _connects_again(before, after))
    return SettingsDifference(
        added=tuple(key for key in new.cameras if key not in old.cameras),
        removed=tuple(key for key in old.cameras if key not in new.cameras),
        changed=changed,
        watched=tuple(
            key
            for key, (before, after) in both.items()
            if key not in changed and _values(before, STAYS_CONNECTED) != _values(after, STAYS_CONNECTED)
        ),
        other=(
            *_changed_paths(old, new),
            *(
                f"cameras.{key}.{name}"
                for key, (before, after) in both.items()
                for name in sorted(READ_WHEN_NEEDED)
                if getattr(before, name) != getattr(after, name)
            ),
        ),
    )


def _changed_paths(old: Settings, new: Settings) -> list[str]:
    """Return the changed tables but those of cameras; of one that takes effect in part at once, its changed keys."""
    found = []
    for table in Settings.model_fields:
        before, after = getattr(old, table), getattr(new, table)
        if table == "cameras" or before == after:
            continue
        if keys_at_once(table):
            keys = type(after).model_fields
            found += [f"{table}.{key}" for key in keys if getattr(before, key) != getattr(after, key)]
        else:
            found.append(table)
    return found


def _connects_again(before: CameraSettings, after: CameraSettings) -> bool:
    return before.tables != after.tables or _values(before, RECONNECTS) != _values(after, RECONNECTS)


def _values(camera: CameraSettings, names: frozenset[str]) -> list[object]:
    return [getattr(camera, name) for name in sorted(names)]


def is_in(path: str, tables: Collection[str]) -> bool:
    """Return whether a path is one of these tables and keys, or lies below one."""
    return any(path == one or path.startswith((f"{one}.", f"{one}[]")) for one in tables)
