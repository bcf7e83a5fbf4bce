"""Figures of what is done, in a file: a long run that was broken off, or is made in parts, goes on where it was."""

import json
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from threading import Lock

from benchmarks.scoring import Clip, Figures


class Kept:
    """Known by what was run, and the clip. path: None to keep nothing. Any thread."""

    def __init__(self, path: Path | None) -> None:
        self._path, self._lock = path, Lock()
        self._known = json.loads(path.read_text()) if path is not None and path.is_file() else {}

    def figures(self, what: str, clip: Clip, run: Callable[[], Figures]) -> Figures:
        """As they were kept, or as `run` gives them. Raises what `run` does."""
        key = f"{what}: {clip.file}"
        if key not in self._known:
            figures = run()
            with self._lock:
                self._known[key] = asdict(figures)
                if self._path is not None:
                    part = self._path.with_suffix(".part")
                    part.write_text(json.dumps(self._known))
                    part.replace(self._path)
            return figures
        return Figures(**self._known[key])
