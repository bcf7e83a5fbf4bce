"""Settings of other recorders as settings of tawny. What they wrote is read as data; nothing of it is ever run."""

from tawny.config.importers.diycam import from_diycam
from tawny.config.importers.pancake import from_pancake
from tawny.config.importers.result import ForeignFormatError, ImportResult
from tawny.config.importers.rom_cam import from_rom_cam
from tawny.config.importers.ropey import from_ropey

KINDS = {"rom-cam": from_rom_cam, "diycam": from_diycam, "ropey-cam": from_ropey, "pancake": from_pancake}
"""By the name of the system: reads the text of its settings. Each raises NotTheirs for a file of something else."""


def import_settings(text: str) -> tuple[str, ImportResult]:
    """The system, and what its settings become. NotTheirs when it is of none that is known, or broken."""
    wrong: list[ForeignFormatError] = []
    for name, read in KINDS.items():
        try:
            return name, read(text)
        except ForeignFormatError as error:
            wrong.append(ForeignFormatError(f"{name}: {error}", error.line))
    broken = next((error for error in wrong if error.line), None)
    raise broken or ForeignFormatError("; ".join(str(error) for error in wrong))


__all__ = ["KINDS", "ForeignFormatError", "ImportResult", "import_settings"]
