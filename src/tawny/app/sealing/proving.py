"""Evidence of what this recorder recorded, for who asks for it in the browser."""

import socket
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tawny import __version__
from tawny.model.clock import Clock
from tawny.model.errors import NotDone
from tawny.model.ids import CameraId, StreamName
from tawny.model.times import Span
from tawny.playback.archive import Past
from tawny.playback.proving import Asked, prove
from tawny.sealed.opened import Opened
from tawny.storage.volume import Volume


@dataclass(frozen=True, slots=True)
class Prover:
    """Any thread. Blocking."""

    volume: Volume
    past: Past
    clock: Clock

    def prove(self, camera: CameraId, span: Span, folder: Path, has_done: Callable[[float], None]) -> None:
        """NotDone where nothing can be proved, or something is sealed: the folder would be in the clear."""
        asked = Asked(camera, StreamName.MAIN, span, socket.gethostname(), f"tawny {__version__}", self.clock.now_ms())
        prove(self.volume, self.past, asked, folder, _refused, has_done)


def _refused(_: str) -> Opened:
    raise NotDone("Encrypted recordings can't be saved unencrypted here.", "Use tawny export --evidence --key FILE.")
