"""Import settings of other recorders. Files are parsed as data and never executed."""

import re
from collections.abc import Callable, Collection, Mapping
from pathlib import Path

from tawny.config.importers import diycam, pancake, rom_cam, ropey_cam, sudocam
from tawny.config.importers.result import ForeignFormatError, ImportResult, ImportSource
from tawny.model.errors import NotDone

KINDS: Mapping[str, Callable[[ImportSource], ImportResult]] = {
    "rom-cam": rom_cam.from_rom_cam,
    "diycam": diycam.from_diycam,
    "ropey-cam": ropey_cam.from_ropey,
    "sudocam": sudocam.from_sudocam,
    "pancake": pancake.from_pancake,
}
"""Importers by system. Each raises ForeignFormatError: with a line if the file is of this system and broken."""
DEFAULTS: Mapping[str, str] = {
    "rom-cam": rom_cam.DEFAULTS,
    "diycam": diycam.DEFAULTS,
    "ropey-cam": ropey_cam.DEFAULTS,
    "sudocam": sudocam.DEFAULTS,
    "pancake": pancake.DEFAULTS,
}
"""A file with the defaults of each system."""
_WORDS: Mapping[str, Collection[str]] = {
    "rom-cam": rom_cam.KEYS,
    "diycam": {"cameras", *diycam.KEYS},
    "ropey-cam": {"ropey"},
    "sudocam": sudocam.KEYS,
    "pancake": pancake.OPTIONS,
}
"""Words of each system, by which a broken file is recognized."""
LIKE: tuple[str, ...] = tuple(KINDS)
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\x85\u2028\u2029]")
"""Characters that are in no settings file, or that break lines differently for different readers."""


def import_file(path: Path, home: Path) -> tuple[str, ImportResult]:
    """Return the system's name and the converted settings. home: what `~` means.

    Raises NotDone: when the file is broken, with the line, or from no known system.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise NotDone(f"Can't read {path}: {error.strerror}.", "Check its name and folder.") from None
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        raise NotDone(
            f"{path}, line {line}: not text in UTF-8.", "Save the file as UTF-8. Nothing was written."
        ) from None
    try:
        return _imported(ImportSource(text, path.absolute().parent, home))
    except ForeignFormatError as error:
        if error.line:
            raise NotDone(f"{path}, line {error.line}: {error}.", "Fix this line. Nothing was written.") from None
        known = "rom-cam, DIY Security Cam, Ropey-Cam, SudoCam and Raspberry Pancake"
        do = "There is no import for other recorders: add the cameras with `tawny cameras add`."
        raise NotDone(f"{path} contains no settings of {known}.", do) from None


def _imported(source: ImportSource) -> tuple[str, ImportResult]:
    if odd := _CONTROL.search(source.text):
        line = source.text.count("\n", 0, odd.start()) + 1
        raise ForeignFormatError("found a control character, which no settings file contains", line)
    wrong: dict[str, ForeignFormatError] = {}
    for name, read in KINDS.items():
        try:
            return name, read(source)
        except ForeignFormatError as error:
            wrong[name] = ForeignFormatError(f"{name}: {error}", error.line)
    words = set(re.findall(r"[\w-]+", source.text))
    broken = [name for name, error in wrong.items() if error.line]
    if broken:
        raise wrong[max(broken, key=lambda name: len(words.intersection(_WORDS[name])))]
    raise ForeignFormatError("of no known system")


def settings_like(system: str, home: Path) -> ImportResult:
    """Return settings with which tawny behaves like this system with its defaults. system: one of LIKE."""
    return KINDS[system](ImportSource(DEFAULTS[system], home, home))
