"""Where looks go in tests: they are kept, in order."""

from tawny.detection.watcher import LookStage
from tawny.model.observations import Frame, Look


class Sink:
    """What a stage returns."""

    def __init__(self, stage: LookStage) -> None:
        self._stage = stage
        self.looks: list[Look] = []

    def look(self, frame: Frame, look: Look) -> None:
        self.looks.append(self._stage.look(frame, look))
