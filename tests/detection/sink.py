"""Where looks go in tests: they are kept, in order."""

from tawny.model.observations import Frame, Look


class Sink:
    def __init__(self) -> None:
        self.looks: list[Look] = []

    def look(self, frame: Frame, look: Look) -> None:
        self.looks.append(look)

    def idle(self, now_ms: int) -> None:
        pass

    def close(self) -> None:
        pass
