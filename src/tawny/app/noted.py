"""What is kept of every look beside events: scores of zones, where it moved, and whether the camera sees its place.

It stands between a watcher and its event maker, in the watcher's thread.
"""

from collections.abc import Callable

from tawny.model.grid import grid_of
from tawny.model.ids import CameraId
from tawny.model.observations import Frame, Look
from tawny.storage.grids import Grids
from tawny.storage.scores import Scores
from tawny.watch.tamper import WORDS, Tamper
from tawny.watch.watcher import Sink


class Noted:
    """zones: the names of the camera's zones. trouble: told in words when the camera no longer sees its place."""

    def __init__(
        self,
        camera: CameraId,
        sink: Sink,
        scores: Scores,
        grids: Grids,
        zones: tuple[str, ...],
        trouble: Callable[[str], None],
    ) -> None:
        self._camera, self._sink, self._scores, self._grids, self._zones = camera, sink, scores, grids, zones
        self._trouble, self._tamper, self._told = trouble, Tamper(), ""

    def look(self, frame: Frame, look: Look) -> None:
        wrong = self._tamper.look(frame)
        if wrong != self._told:
            self._told = wrong
            self._trouble(WORDS.get(wrong, ""))
        self._grids.put(self._camera, frame.at_ms, _moving(look))
        for zone in self._zones:
            score = max((round(thing.score * 100) for thing in look.seen if zone in thing.zones), default=0)
            self._scores.put(self._camera, frame.at_ms, min(100, score), zone)
        self._sink.look(frame, look)

    def idle(self, now_ms: int) -> None:
        self._sink.idle(now_ms)

    def close(self) -> None:
        self._sink.close()


def _moving(look: Look) -> int:
    """Where it moves while something is going on: its cells, else the boxes around it."""
    boxes = 0
    for thing in look.seen:
        boxes |= grid_of(thing.box)
    return boxes if look.grid is None or not boxes else boxes & look.grid or boxes
