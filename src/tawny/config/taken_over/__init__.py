"""Settings of other recorders as settings of tawny. What they wrote is read as data; nothing of it is ever run."""

from tawny.config.taken_over.diycam import from_diycam
from tawny.config.taken_over.found import Found, NotTheirs
from tawny.config.taken_over.pancake import from_pancake
from tawny.config.taken_over.rom_cam import from_rom_cam
from tawny.config.taken_over.ropey import from_ropey

KINDS = {"rom-cam": from_rom_cam, "diycam": from_diycam, "ropey-cam": from_ropey, "pancake": from_pancake}
"""By the name of the system: reads the text of its settings. Each raises NotTheirs for a file of something else."""


def taken_over(text: str) -> tuple[str, Found]:
    """The system, and what its settings become. NotTheirs when it is of none that is known, or broken."""
    wrong: list[NotTheirs] = []
    for name, read in KINDS.items():
        try:
            return name, read(text)
        except NotTheirs as error:
            wrong.append(NotTheirs(f"{name}: {error}", error.line))
    broken = next((error for error in wrong if error.line), None)
    raise broken or NotTheirs("; ".join(str(error) for error in wrong))


__all__ = ["KINDS", "Found", "NotTheirs", "taken_over"]
