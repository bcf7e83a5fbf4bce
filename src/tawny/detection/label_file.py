"""Names of a model's classes: a text file, one a line in their order."""

from pathlib import Path

from tawny.model.errors import NotDone


def read_labels(file: Path) -> list[str]:
    """Empty lines do not count. NotDone says what is wrong."""
    try:
        return [line.strip() for line in file.read_text(encoding="utf-8").splitlines() if line.strip()]
    except (OSError, UnicodeDecodeError) as error:
        raise NotDone(f"Can't read the labels {file}: {error}.", "Use a text file with one name per line.") from None
