"""Files of the built interface, listed once at startup. Invariant: no path from a request reaches the disk.

Each is read once, so that clients who read slowly hold no file open and no copy of it: all are 1.2 MB.
"""

import asyncio
import hashlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

BUILT = Path(__file__).parent / "static"
ENCODINGS: Final = {"br": ".br", "gzip": ".gz"}
"""Content codings and the endings of the files that `ui/scripts/compress.mjs` writes, smallest first."""


@dataclass(frozen=True)
class StaticFiles:
    """files: URL path below `static/` to file path. encoded: compressed variants, by URL path and content coding."""

    files: dict[str, Path]
    encoded: dict[str, dict[str, Path]] = field(default_factory=dict)
    _contents: dict[Path, bytes] = field(default_factory=dict, repr=False)
    _hashes: dict[Path, str] = field(default_factory=dict, repr=False)

    @classmethod
    def at(cls, folder: Path = BUILT) -> "StaticFiles":
        paths = (path for path in folder.rglob("*") if path.is_file() and not path.is_symlink())
        files = {path.relative_to(folder).as_posix(): path for path in paths}
        encoded: dict[str, dict[str, Path]] = {}
        for coding, ending in ENCODINGS.items():
            for name in [name for name in files if name.endswith(ending) and name.removesuffix(ending) in files]:
                encoded.setdefault(name.removesuffix(ending), {})[coding] = files.pop(name)
        return cls(files, encoded)

    def etag(self, path: Path) -> str:
        """Return the hash of a file that was read."""
        return self._hashes[path]

    async def read(self, path: Path) -> bytes:
        """Return the content of a listed file. Raises OSError."""
        content = self._contents.get(path)
        if content is None:
            content = self._contents[path] = await asyncio.to_thread(path.read_bytes)
            self._hashes[path] = hashlib.sha256(content).hexdigest()[:32]
        return content
