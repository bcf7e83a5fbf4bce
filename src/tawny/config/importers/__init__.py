"""Import settings of other recorders. Files are parsed as data and never executed."""

from tawny.config.importers.diycam import from_diycam
from tawny.config.importers.pancake import from_pancake
from tawny.config.importers.result import ForeignFormatError, ImportResult
from tawny.config.importers.rom_cam import from_rom_cam
from tawny.config.importers.ropey import from_ropey

KINDS = {"rom-cam": from_rom_cam, "diycam": from_diycam, "ropey-cam": from_ropey, "pancake": from_pancake}
"""Importers by system. Each raises ForeignFormatError for files of another system."""


def import_settings(text: str) -> tuple[str, ImportResult]:
    """Return the system's name and the converted settings.

    Raises ForeignFormatError: when the file is broken or from no known system.
    """
    wrong: list[ForeignFormatError] = []
    for name, read in KINDS.items():
        try:
            return name, read(text)
        except ForeignFormatError as error:
            wrong.append(ForeignFormatError(f"{name}: {error}", error.line))
    broken = next((error for error in wrong if error.line), None)
    raise broken or ForeignFormatError("; ".join(str(error) for error in wrong))


__all__ = ["KINDS", "ForeignFormatError", "ImportResult", "import_settings"]
