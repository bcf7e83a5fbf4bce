"""Validation of recognition settings: unknown recognizers, sealed cameras and zones."""

from collections.abc import Iterator, Mapping
from typing import Any

from tawny.config.recognition import RecogniserSettings
from tawny.config.settings import Settings
from tawny.model.errors import Problem

SEALED = "a camera without encryption; recognition results would be stored unencrypted next to its recordings"


def check_reading(settings: Settings, recognisers: Mapping[str, Any]) -> Iterator[Problem]:
    there = sorted({*recognisers, *(name for name, one in settings.recognizers.items() if one.file)})
    for name, camera in settings.cameras.items():
        path = f"cameras.{name}.detection"
        for wanted in camera.detection.recognize:
            if wanted not in there:
                yield Problem(
                    f"{path}.recognize", repr(wanted), ", ".join(there) or "none: no recognizers are configured"
                )
        if camera.detection.recognize and settings.is_sealed(name):
            yield Problem(f"{path}.recognize", "an encrypted camera", SEALED)
        for zone in camera.detection.recognize_zones:
            if zone not in camera.detection.zones:
                yield Problem(
                    f"{path}.recognize_zones",
                    repr(zone),
                    ", ".join(camera.detection.zones) or "none: there are no zones",
                )
    for name, one in settings.recognizers.items():
        yield from _check_recogniser(f"recognizers.{name}", one, recognisers.get(name))


def _check_recogniser(path: str, one: RecogniserSettings, part: Any) -> Iterator[Problem]:
    """part: the installed plug-in of this name; None: not installed."""
    if one.file and not one.file.endswith(".py"):
        yield Problem(f"{path}.file", repr(one.file), "a Python file with read(picture), such as faces.py")
    elif one.file and one.options:
        yield Problem(path, f"{', '.join(one.options)}", "only known settings, together with `file`")
    elif not one.file and part is None:
        yield Problem(path, "no file", "`file`, or the name of an installed plug-in")
    elif not one.file:
        try:
            part(one.options)
        except ValueError as error:
            yield Problem(path, "an invalid value", str(error))
