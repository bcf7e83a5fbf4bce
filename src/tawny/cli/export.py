"""`tawny export`: a clip as an ordinary MP4 file, byte for byte what the camera sent."""

from argparse import ArgumentParser, Namespace
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from tawny.cli import options, times
from tawny.cli.archive import opened
from tawny.cli.output import Output
from tawny.cli.places import existing_data
from tawny.cli.times import shown
from tawny.config.units import seconds, size_text
from tawny.model.clock import SystemClock
from tawny.model.errors import NotDone, UsageError
from tawny.model.ids import StreamName
from tawny.model.times import Span, utc_text
from tawny.playback.clip import Clip, Clips
from tawny.storage.disk import turned
from tawny.storage.opening import known_camera

MOST_BYTES = 2**40


def describe(parser: ArgumentParser) -> None:
    options.data(parser)
    options.times(parser)
    parser.add_argument("--camera", metavar="C", required=True, help="the camera's id, such as front-door")
    parser.add_argument("-o", "--output", metavar="FILE", required=True, help="the MP4 file; never overwritten")
    parser.add_argument("--stream", choices=[name.value for name in StreamName], default="main", help="large or small")
    parser.add_argument("--split", metavar="TIME", help="one file for each so much time, such as 15min")


def run(args: Namespace, out: Output) -> int:
    _, folder = existing_data(args)
    within = times.span(args.begin, args.end, SystemClock().now_ms())
    camera, stream = known_camera(folder, args.camera), StreamName(args.stream)
    written: list[dict[str, object]] = []
    with opened(folder) as archive:
        clips = Clips(archive)
        for part in _parts(within, args.split):
            clip = clips.clip(camera, stream, part, MOST_BYTES)
            while clip is not None:
                path = _name(Path(args.output), clip.start_ms, many=bool(args.split) or bool(written))
                _write(clip, path, out)
                told = {"file": str(path), "start": utc_text(clip.start_ms), "size_bytes": clip.size_bytes}
                out.data(told, f"{path}: from {shown(clip.start_ms)}, {size_text(clip.size_bytes)}")
                written.append(told)
                rest = Span(clip.cut_at_ms, part.end_ms) if clip.cut_at_ms else None
                clip = clips.clip(camera, stream, rest, MOST_BYTES) if rest else None
    if not written:
        wanted = f"from {shown(within.begin_ms)} to {shown(within.end_ms)}"
        raise NotDone(f"Nothing of {camera} is recorded {wanted}.", "`tawny timeline` shows what is.")
    return 0


def _parts(within: Span, split: str | None) -> Iterator[Span]:
    if split is None:
        yield within
        return
    try:
        step_ms = round(seconds(split) * 1000)
    except ValueError as error:
        raise UsageError(f"--split {split} cannot be used.", f"Write {error}.") from None
    if step_ms < 1000:
        raise UsageError(f"--split {split} is too short.", "Write 1 s or more, such as 15min.")
    for begin_ms in range(within.begin_ms, within.end_ms, step_ms):
        yield Span(begin_ms, min(begin_ms + step_ms, within.end_ms))


def _name(output: Path, start_ms: int, *, many: bool) -> Path:
    """As asked for; with the begin's local time in it when there are several."""
    if not many:
        return output
    stamp = f"{datetime.fromtimestamp(start_ms / 1000).astimezone():%Y-%m-%d %H.%M.%S}"
    return output.with_name(f"{output.stem} {stamp}{output.suffix or '.mp4'}")


def _write(clip: Clip, path: Path, out: Output) -> None:
    """A file that is there is left alone; one that could not be finished is taken away."""
    try:
        with path.open("xb") as file:
            done = 0
            for piece in clip.read(0, clip.size_bytes):
                file.write(piece)
                done += len(piece)
                out.progress(f"{path}: {done / clip.size_bytes:.0%}")
        out.progress("")
    except FileExistsError:
        raise NotDone(f"{path} is there already.", "Choose another name with `-o`.") from None
    except OSError as error:
        path.unlink(missing_ok=True)
        raise turned(error, str(path)) from error
