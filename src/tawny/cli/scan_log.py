"""Cache of scan results in a file, one JSON line each: complete inputs, and parts of long ones.

An interrupted scan resumes from it. `add` and `add_part` are thread-safe.
"""

import json
from dataclasses import asdict
from pathlib import Path
from threading import Lock
from typing import Any

from tawny.detection.scan.scan import ScanResult
from tawny.detection.scan.spans import ScannedEvent
from tawny.storage.disk.disk import turned


class ScanLog:
    """Reads and appends cached results.

    file: None disables the cache. whole: results of complete inputs by key. Damaged lines are skipped.
    """

    def __init__(self, file: Path | None) -> None:
        self._file, self._lock = file, Lock()
        self.whole: dict[str, dict[str, Any]] = {}
        self._parts: dict[tuple[str, int, int], ScanResult] = {}
        if file is not None and file.exists():
            for line in file.read_text(encoding="utf-8", errors="replace").splitlines():
                self._read(line)

    def part(self, key: str, number: int, count: int) -> ScanResult | None:
        """Return the result of part `number` of `count`, or None."""
        return self._parts.get((key, number, count))

    def add(self, key: str, told: dict[str, Any]) -> None:
        """Append the result of a complete input. Raises StorageError."""
        self._append({"key": key, "result": told})

    def add_part(self, key: str, number: int, count: int, result: ScanResult) -> None:
        said = {**asdict(result), "scores": sorted(result.scores.items())}
        self._append({"key": key, "part": number, "of": count, "result": said})

    def _read(self, line: str) -> None:
        try:
            said = json.loads(line)
            if "part" in said:
                self._parts[said["key"], int(said["part"]), int(said["of"])] = _result(said["result"])
            else:
                self.whole[said["key"]] = said["result"]
        except (ValueError, KeyError, TypeError):
            return

    def _append(self, said: dict[str, Any]) -> None:
        if self._file is None:
            return
        try:
            with self._lock, self._file.open("a", encoding="utf-8") as file:
                file.write(json.dumps(said) + "\n")
        except OSError as error:
            raise turned(error, str(self._file)) from error


def _result(said: dict[str, Any]) -> ScanResult:
    events = [ScannedEvent(**{**event, "box": tuple(event["box"])}) for event in said["events"]]
    scores = {int(second): int(score) for second, score in said["scores"]}
    return ScanResult(float(said["duration_s"]), events, float(said["cpu_s"]), float(said["decoded_s"]), scores)
