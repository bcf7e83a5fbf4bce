"""What the settings file says of choices that are made when a camera is added."""

from collections.abc import Mapping
from typing import Any, TypeGuard

from tawny.config.drafts import SettingsDraft
from tawny.config.settings import CameraSettings
from tawny.engine.plugins import PluginFailed, plug_in_code
from tawny.model.geometry import Orientation
from tawny.model.segments import Recording
from tawny.service.plugin_registry import PluginRegistry
from tawny.sources.source import CameraSource


def recording_values(record: Recording) -> dict[str, str | int]:
    """Return what the settings file says of it; nothing for the default."""
    return {} if record == "continuous" else {"record": record}


def orientation_values(orientation: Orientation) -> dict[str, str | int]:
    """Return what the settings file says of it; nothing for the default."""
    values: dict[str, str | int] = {"rotate": orientation.rotate, "mirror": orientation.mirror}
    return {key: value for key, value in values.items() if value}


def with_sound(
    values: Mapping[str, Any], plugins: PluginRegistry, camera: CameraSettings, *, sound: bool
) -> dict[str, Any]:
    """Return a new camera's values with the choice of its sound, for each type of its sources that has one.

    Without it, sound is recorded.
    """
    kinds = [plugins.source_of(address) for address in (camera.source, camera.sub) if address]
    chosen = {one.scheme: {**values.get(one.scheme, {}), "sound": sound} for one in kinds if has_sound(one)}
    return {**values, **chosen}


def silent_tables(before: CameraSettings, after: CameraSettings, plugins: PluginRegistry) -> dict[str, dict[str, Any]]:
    """Return the tables of the source types of new addresses, by scheme, in which sound must be off, as it was before.

    A sub stream that is new is as the main stream was.
    """
    made = dict[str, dict[str, Any]]()
    for old, new in ((before.source, after.source), (before.sub or before.source, after.sub)):
        was, now = plugins.source_of(old), plugins.source_of(new) if new else None
        if was is None or now is None or before.table(was.scheme).get("sound") is not False:
            continue
        table = after.table(now.scheme)
        if has_sound(now) and "sound" not in table:
            made[now.scheme] = {**table, "sound": False}
    return made


def keep_silent(draft: SettingsDraft, camera: str, before: CameraSettings, plugins: PluginRegistry) -> None:
    """Write into a draft with the camera's new addresses that no sound is recorded, where that was so before."""
    for scheme in silent_tables(before, draft.understood().cameras[camera], plugins):
        draft.put_setting(f"cameras.{camera}.{scheme}.sound", value=False, is_secret=False)


def has_sound(source: CameraSource | None) -> TypeGuard[CameraSource]:
    """Return whether a type of source has the choice of recording sound."""
    if source is None:
        return False
    try:
        with plug_in_code(source.scheme):
            return "sound" in source.settings({})
    except PluginFailed:  # or one that needs other settings
        return False


def chosen_values(record: Recording, orientation: Orientation) -> dict[str, str | int]:
    """Return what the settings file says of both."""
    return {**recording_values(record), **orientation_values(orientation)}
