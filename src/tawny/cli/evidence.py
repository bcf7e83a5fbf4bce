"""`tawny export --evidence`: a folder that a stranger can check without the recorder."""

import shutil
import socket
from argparse import Namespace
from pathlib import Path

from tawny import __version__
from tawny.cli.archive import opened as opened_folder
from tawny.cli.keys import named
from tawny.cli.output import Output
from tawny.cli.redacting import redacted_words, redaction
from tawny.model.clock import SystemClock
from tawny.model.errors import FileDamaged, NotDone, StorageError
from tawny.model.ids import StreamName
from tawny.model.times import Span
from tawny.playback.proving import Asked, prove, prove_redacted
from tawny.sealed.broken import Broken
from tawny.sealed.opened import Opened, opened
from tawny.sealed.walk import Held, walked
from tawny.storage.opening import known_camera
from tawny.storage.others import attach_all
from tawny.storage.rings import from_ring
from tawny.storage.volume import Volume


def export(args: Namespace, folder: Path, within: Span, out: Output) -> int:
    camera, stream = known_camera(folder, args.camera), StreamName(args.stream)
    volume = Volume.at(folder)
    attach_all(volume)
    keys = named(args)

    def open_sealed(path: str) -> Opened:
        if not keys:
            raise NotDone(
                f"{path} is encrypted.", "Pass your key with `--key`, or enter the recovery sheet with `--words`."
            )
        place = volume.path(path)
        try:
            file = walked(Held(place.read_bytes()))
            return opened(file, keys, from_ring(place, file))
        except OSError as error:
            raise StorageError(str(place), error.strerror or "") from error
        except Broken as error:
            raise FileDamaged(str(place), str(error)) from error

    software, now_ms = f"tawny {__version__}", SystemClock().now_ms()
    asked = Asked(camera, stream, within, socket.gethostname(), software, now_ms)
    target = Path(args.output)
    original = target.with_name(f"{target.name}-original") if args.redact else target
    shown_s: list[int | None] = []
    is_made = False

    def tell(part: float) -> None:
        out.progress(f"{args.output}: {part:.0%}")

    with opened_folder(folder, keys) as archive:
        wanted = redaction(args.redact, archive.index, within) if args.redact else None
        made = prove(volume, archive.index, asked, original, open_sealed, tell)
        try:
            if wanted is not None:
                from tawny.playback.redacting import redact  # not above: what it needs is large, and seldom asked for

                def film(path: Path) -> dict[str, object]:
                    done = redact(archive, camera, within, wanted, path, tell)
                    shown_s.append(done.shown_s)
                    return done.told

                made = prove_redacted(volume, archive.index, asked, target, open_sealed, original, film)
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
