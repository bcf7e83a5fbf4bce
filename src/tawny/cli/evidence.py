"""`tawny export --evidence`: a folder that anyone can verify without the recorder."""

import shutil
import socket
from argparse import Namespace
from pathlib import Path

from tawny import __version__
from tawny.cli.archive import open_folder
from tawny.cli.keys import named
from tawny.cli.output import Output
from tawny.cli.redaction_options import redacted_words, redaction
from tawny.model.clock import SystemClock
from tawny.model.errors import FileDamaged, NotDone, StorageError
from tawny.model.ids import StreamName
from tawny.model.times import Span
from tawny.playback.evidence import EvidenceRequest, prove_redacted, write_evidence
from tawny.sealed.broken import SealedFileBroken
from tawny.sealed.file_reader import SealedFileReader, open_sealed
from tawny.sealed.file_scanner import InMemorySource, scan_file
from tawny.storage.disk.secondary_volumes import attach_all
from tawny.storage.disk.volume import Volume
from tawny.storage.index.opening import known_camera
from tawny.storage.sealing.key_ring_file import from_ring


def export(args: Namespace, folder: Path, within: Span, out: Output) -> int:
    camera, stream = known_camera(folder, args.camera), StreamName(args.stream)
    volume = Volume.at(folder)
    attach_all(volume)
    keys = named(args)

    def open_with_keys(path: str) -> SealedFileReader:
        if not keys:
            raise NotDone(
                f"{path} is encrypted.", "Pass your key with `--key`, or enter the recovery sheet with `--words`."
            )
        place = volume.path(path)
        try:
            file = scan_file(InMemorySource(place.read_bytes()))
            return open_sealed(file, keys, from_ring(place, file))
        except OSError as error:
            raise StorageError(str(place), error.strerror or "") from error
        except SealedFileBroken as error:
            raise FileDamaged(str(place), str(error)) from error

    software, now_ms = f"tawny {__version__}", SystemClock().now_ms()
    asked = EvidenceRequest(camera, stream, within, socket.gethostname(), software, now_ms)
    target = Path(args.output)
    original = target.with_name(f"{target.name}-original") if args.redact else target
    shown_s: list[int | None] = []
    is_made = False

    def tell(part: float) -> None:
        out.progress(f"{args.output}: {part:.0%}")

    with open_folder(folder, keys) as archive:
        wanted = redaction(args.redact, archive.index, within) if args.redact else None
        made = write_evidence(volume, archive.index, asked, original, open_with_keys, tell)
        try:
            if wanted is not None:
                from tawny.playback.redactor import redact  # lazy import: large dependencies, rarely used

                def film(path: Path) -> dict[str, object]:
                    done = redact(archive, camera, within, wanted, path, tell)
                    shown_s.append(done.shown_s)
                    return done.summary

                made = prove_redacted(volume, archive.index, asked, target, open_with_keys, original, film)
            is_made = True
        finally:
            if not is_made:
                shutil.rmtree(original, ignore_errors=True)
    out.progress("")
    told: dict[str, object] = {
        "folder": args.output,
        "recordings": made.recordings,
        "fingerprint": made.fingerprint,
    }
    words = f"{args.output}: {made.recordings} recordings with proof."
    if wanted is not None:
        told["original"] = str(original)
        words += f"{redacted_words(shown_s[0], within)} Keep {original}: it is the evidence, and shows everyone."
    out.data(told, f"{words} Recorder fingerprint: {made.fingerprint}")
    return 0
