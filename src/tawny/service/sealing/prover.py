"""Evidence export for browser clients."""

import socket
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tawny import __version__
from tawny.model.clock import Clock
from tawny.model.errors import NotDone
from tawny.model.ids import CameraId, StreamName
from tawny.model.times import Span
from tawny.playback.evidence import EvidenceRequest, write_evidence
from tawny.playback.recordings import RecordingIndex
from tawny.sealed.file_reader import SealedFileReader
from tawny.storage.disk.volume import Volume


@dataclass(frozen=True, slots=True)
class Prover:
    """Creates evidence. Thread-safe; blocking."""

    volume: Volume
    past: RecordingIndex
    clock: Clock

    def prove(self, camera: CameraId, span: Span, folder: Path, has_done: Callable[[float], None]) -> None:
        """Write evidence to the folder.

        Raises NotDone if there is none, or if recordings are sealed, because the folder is not encrypted.
        """
        asked = EvidenceRequest(
            camera, StreamName.MAIN, span, socket.gethostname(), f"tawny {__version__}", self.clock.now_ms()
        )
        write_evidence(self.volume, self.past, asked, folder, _refused, has_done)


def _refused(_: str) -> SealedFileReader:
    raise NotDone("Encrypted recordings can't be saved unencrypted here.", "Use tawny export --evidence --key FILE.")
