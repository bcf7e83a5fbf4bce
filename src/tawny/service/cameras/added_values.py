"""What the settings file says of choices that are made when a camera is added."""

from collections.abc import Mapping
from typing import Any

from tawny.model.orientation import Orientation
from tawny.model.segments import Recording
from tawny.sources.source import CameraSource


def recording_values(record: Recording) -> dict[str, str | int]:
    """Return what the settings file says of it; nothing for the default."""
    return {} if record == "continuous" else {"record": record}


def orientation_values(orientation: Orientation) -> dict[str, str | int]:
    """Return what the settings file says of it; nothing for the default."""
    values: dict[str, str | int] = {"rotate": orientation.rotate, "mirror": orientation.mirror}
    return {key: value for key, value in values.items() if value}


def with_sound(values: Mapping[str, Any], source: CameraSource | None, *, sound: bool) -> dict[str, Any]:
    """Return a new camera's values with the choice of its sound, if its type of source has one.

    Without it, sound is recorded.
    """
    try:
        has_choice = source is not None and "sound" in source.settings({})
    except ValueError:  # a plug-in that needs other settings
        has_choice = False
    if source is None or not has_choice:
        return dict(values)
    return {**values, source.scheme: {**values.get(source.scheme, {}), "sound": sound}}


def chosen_values(record: Recording, orientation: Orientation) -> dict[str, str | int]:
    """Return what the settings file says of both."""
    return {**recording_values(record), **orientation_values(orientation)}
