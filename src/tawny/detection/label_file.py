"""Class names of a model: a text file with one name per line, in the model's order."""

from pathlib import Path

from tawny.model.errors import NotDone
from tawny.model.labels import clean_label


def read_labels(file: Path) -> list[str]:
    """Return the names without empty lines. Raises NotDone: if the file cannot be read."""
    try:
        lines = [clean_label(line).strip() for line in file.read_text(encoding="utf-8").splitlines()]
    except (OSError, UnicodeDecodeError) as error:
        raise NotDone(f"Can't read the labels {file}: {error}.", "Use a text file with one name per line.") from None
    return [line for line in lines if line]
