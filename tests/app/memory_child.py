"""A recorder in memory, in a process of its own, which says what it recorded and played, and what it wrote to disks."""

import json
import os
import sys
from pathlib import Path

from tawny.model.ids import StreamName
from tawny.model.times import Span
from tawny.playback.clips import ClipCache
from tests.app.rig import DOOR, EVER, Rig, one_camera, rig


def main() -> None:
    root_refuses = _root_refuses()
    wrote: list[str] = []
    sys.addaudithook(lambda event, args: _note(wrote, event, args))
    chosen = one_camera(sys.argv[1], '[storage]\nmode = "memory"\nmemory = "16 MB"\n')
    with rig(chosen, Path("/nowhere/tawny")) as bench:
        bench.wait_for_seconds(12)
        (first, *_) = bench.running.index.segments(DOOR, StreamName.MAIN, EVER)
        data = {
            "closed": first.span.seconds,
            "clip_bytes": _clip(bench, Span(first.start_ms, first.end_ms)),
            "state": bench.state(),
            "root_refuses": root_refuses,
        }
    sys.stdout.write(json.dumps({**data, "wrote": wrote}) + "\n")


def _note(wrote: list[str], event: str, args: tuple[object, ...]) -> None:
    """Whatever could make or change a file."""
    match event, args:
        case "open", (str() | bytes() as path, _, int() as flags):
            if flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT) and str(path) != os.devnull:
                wrote.append(f"open {path!r}")
        case (("os.mkdir" | "os.rename" | "os.link" | "os.symlink" | "tempfile.mkstemp"), _):
            wrote.append(f"{event} {args}")
        case "sqlite3.connect", (database,) if database != ":memory:":
            wrote.append(f"{event} {database!r}")


def _clip(bench: Rig, span: Span) -> int:
    clip = ClipCache(bench.running).clip(DOOR, StreamName.MAIN, span, 10**9)
    assert clip is not None
    return sum(len(piece) for piece in clip.read(0, clip.size_bytes))


def _root_refuses() -> bool:
    try:
        Path("/proof").touch()
    except OSError:
        return True
    Path("/proof").unlink()
    return False


if __name__ == "__main__":
    main()
