"""Files of the built interface, listed once at startup. Invariant: no path from a request reaches the disk."""

from dataclasses import dataclass
from pathlib import Path

BUILT = Path(__file__).parent / "static"


@dataclass(frozen=True)
class StaticFiles:
    """files: URL path below `static/` to file path."""

    files: dict[str, Path]

    @classmethod
    def at(cls, folder: Path = BUILT) -> "StaticFiles":
        found = (path for path in folder.rglob("*") if path.is_file() and not path.is_symlink())
        return cls({path.relative_to(folder).as_posix(): path for path in found})
