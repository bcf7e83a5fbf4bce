"""Class names of a model: a text file with one name per line, in the model's order."""

from pathlib import Path

from tawny.model.errors import NotDone


def read_labels(file: Path) -> list[str]:
    """Return the names without empty lines. Raises NotDone: if the file cannot be read."""
    try:
        return [line.strip() for line in file.read_text(encoding="utf-8").splitlines() if line.strip()]
    except (OSError, UnicodeDecodeError) as error:
        raise NotDone(f"Can't read the labels {file}: {error}.", "Use a text file with one name per line.") from None
