"""The built interface: its files are listed once at the start, so that no path from a request reaches the disk."""

from dataclasses import dataclass
from pathlib import Path

BUILT = Path(__file__).parent / "static"


@dataclass(frozen=True)
class StaticFiles:
    """files: path below `static/`, with `/`, to where it is."""

    files: dict[str, Path]

    @classmethod
    def at(cls, folder: Path = BUILT) -> "StaticFiles":
        found = (path for path in folder.rglob("*") if path.is_file() and not path.is_symlink())
        return cls({path.relative_to(folder).as_posix(): path for path in found})
