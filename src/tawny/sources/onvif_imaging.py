"""Image and encoder settings of an ONVIF camera: what it offers, what is set, and changes with the result read back."""

import xml.etree.ElementTree as ET
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from tawny.model.errors import NotDone
from tawny.model.validation import device_label
from tawny.protocols.soap import find_elements, quoted, text_at
from tawny.sources.onvif import OnvifCamera

_IMAGING, _SCHEMA = "http://www.onvif.org/ver20/imaging/wsdl", "http://www.onvif.org/ver10/schema"
_MOST_CHOICES: Final = 12


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a control is in ONVIF's schema. at: path in the settings. options: path of its choices; empty: a range."""

    at: tuple[str, ...]
    options: tuple[str, ...] = ()


_CONTROLS: Final[Mapping[str, _Place]] = {  # in the order of the schema, which cameras insist on
    "brightness": _Place(("Brightness",)),
    "saturation": _Place(("ColorSaturation",)),
    "contrast": _Place(("Contrast",)),
    "exposure": _Place(("Exposure", "Mode"), ("Exposure", "Mode")),
    "focus": _Place(("Focus", "AutoFocusMode"), ("Focus", "AutoFocusModes")),
    "ir_cut": _Place(("IrCutFilter",), ("IrCutFilterModes",)),
    "sharpness": _Place(("Sharpness",)),
    "wdr": _Place(("WideDynamicRange", "Mode"), ("WideDynamicRange", "Mode")),
}


@dataclass(frozen=True, slots=True)
class ImagingControl:
    """Something that can be set. choices: allowed words, upper case; empty: a number from least to most."""

    name: str
    value: float | str
    least: float = 0.0
    most: float = 100.0
    choices: tuple[str, ...] = ()


def read_imaging(camera: OnvifCamera) -> list[ImagingControl]:
    """Return what the camera offers, with its present values. Raises SourceError, and NotDone if it has no imaging."""
    source = _source(camera)
    settings = camera.ask("Imaging", f'<i:GetImagingSettings xmlns:i="{_IMAGING}">{source}</i:GetImagingSettings>')
    options = camera.ask("Imaging", f'<i:GetOptions xmlns:i="{_IMAGING}">{source}</i:GetOptions>')
    found = (_control(name, place, settings, options) for name, place in _CONTROLS.items())
    return [one for one in found if one is not None]


def change_imaging(camera: OnvifCamera, values: Mapping[str, float | str]) -> list[ImagingControl]:
    """Set some controls, and return all as the camera then has them.

    Raises NotDone for a control or value that it does not offer, SourceError with its own words if it refuses.
    """
    offered = {one.name: one for one in read_imaging(camera)}
    for name, value in values.items():
        _check(name, value, offered.get(name))
    inside = "".join(_written(_CONTROLS[name].at, values[name]) for name in _CONTROLS if name in values)
    settings = f'<i:ImagingSettings xmlns:t="{_SCHEMA}">{inside}</i:ImagingSettings>'
    last = "<i:ForcePersistence>true</i:ForcePersistence>"
    body = f'<i:SetImagingSettings xmlns:i="{_IMAGING}">{_source(camera)}{settings}{last}</i:SetImagingSettings>'
    camera.ask("Imaging", body)
    return read_imaging(camera)


def _source(camera: OnvifCamera) -> str:
    if not camera.lens:
        raise NotDone("This camera has no image settings.", "It names no video source by ONVIF.")
    return f"<i:VideoSourceToken>{quoted(camera.lens)}</i:VideoSourceToken>"


def _control(name: str, place: _Place, settings: ET.Element, options: ET.Element) -> ImagingControl | None:
    """Return a control as the camera offers it; None if it offers none, or one without sense."""
    value = text_at(settings, *place.at)
    if not value:
        return None
    if place.options:
        above = _below(options, place.options[:-1])
        listed = [(one.text or "").strip().upper() for one in find_elements(above, place.options[-1])]
        choices = tuple(dict.fromkeys(device_label(one)[:20] for one in listed if one))[:_MOST_CHOICES]
        present = device_label(value.upper())[:20]
        return ImagingControl(name, present, choices=choices) if len(choices) > 1 else None
    least, most, now = (_number(text) for text in (*_range(options, place.at), value))
    if least is None or most is None or now is None or least >= most:
        return None
    return ImagingControl(name, min(most, max(least, now)), least, most)


def _below(root: ET.Element, path: tuple[str, ...]) -> ET.Element:
    for name in path:
        root = next(iter(find_elements(root, name)), ET.Element("none"))
    return root


def _range(options: ET.Element, path: tuple[str, ...]) -> tuple[str, str]:
    return text_at(options, *path, "Min"), text_at(options, *path, "Max")


def _number(text: str) -> float | None:
    try:
        number = float(text)
    except ValueError:
        return None
    return number if abs(number) <= 1_000_000 else None


def _check(name: str, value: float | str, offered: ImagingControl | None) -> None:
    if offered is None:
        raise NotDone(f"This camera doesn't offer {name}.", "Reload the page.")
    if offered.choices and value not in offered.choices:
        raise NotDone(f"{name} can't be {value!r}.", f"Allowed: {', '.join(offered.choices)}.")
    if not offered.choices and not (isinstance(value, float | int) and offered.least <= value <= offered.most):
        raise NotDone(f"{name} can't be {value!r}.", f"Allowed: {offered.least:g} to {offered.most:g}.")


def _written(path: tuple[str, ...], value: float | str) -> str:
    inside = f"{value:g}" if isinstance(value, float | int) else quoted(value)
    for name in reversed(path):
        inside = f"<t:{name}>{inside}</t:{name}>"
    return inside
