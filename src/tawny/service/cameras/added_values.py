"""What the settings file says of choices that are made when a camera is added."""

from tawny.model.orientation import Orientation
from tawny.model.segments import Recording
from tawny.sources.source import CameraSource


def recording_values(record: Recording) -> dict[str, str | int]:
    """Return what the settings file says of it; nothing for the default."""
    return {} if record == "continuous" else {"record": record}


def orientation_values(orientation: Orientation) -> dict[str, str | int]:
    """Return what the settings file says of it; nothing for the default."""
    said: dict[str, str | int] = {"rotate": orientation.rotate, "mirror": orientation.mirror}
    return {key: value for key, value in said.items() if value}


def sound_values(source: CameraSource | None, *, sound: bool) -> dict[str, dict[str, bool]]:
    """Return what the settings file says of a new camera's sound: the choice, if its type of source has one.

    Without it, sound is recorded.
    """
    try:
        return {source.scheme: {"sound": sound}} if source is not None and "sound" in source.settings({}) else {}
    except ValueError:  # a plug-in that needs other settings
        return {}


def chosen_values(record: Recording, orientation: Orientation) -> dict[str, str | int]:
    """Return what the settings file says of both."""
    return {**recording_values(record), **orientation_values(orientation)}
