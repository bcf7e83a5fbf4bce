"""What `tawny scan --events-out` writes: clips, images and scores of events, and a page that shows them."""

import json
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

from tawny.cli.output import table_text
from tawny.cli.paths import output_error
from tawny.cli.scan_inputs import MOST_BYTES, InputFinder, PlannedInput, ScanInput
from tawny.media.codec.video_file import FileVideo
from tawny.media.image.jpeg import jpeg
from tawny.media.image.mask import mask_picture
from tawny.media.mp4.file_part import copy_part
from tawny.model.errors import SourceError, StorageError, StorageUnavailable
from tawny.model.geometry import Polygon
from tawny.model.ids import CameraId, StreamName
from tawny.model.times import Span
from tawny.storage.disk.disk import turned

if TYPE_CHECKING:
    from tawny.cli.archive import RecordingFolder

# HTML page with the results of one scan: score over time, events and the video.

WIDE, HIGH, LINE = 1200, 240, 50
"""Width and height of the chart in SVG units, and the score of the event threshold line."""
_STYLE = """
body { margin: 24px auto; max-width: 1200px; padding: 0 16px; background: #13100d; color: #f6efe6 }
body { font: 15px/22px sans-serif } video { max-height: 60vh }
video, svg { display: block; width: 100%; background: #0b0806; border-radius: 10px }
svg { margin: 16px 0; cursor: pointer } .line { fill: none; stroke: #f2a65a; stroke-width: 1.5 }
.event { fill: #f2a65a; opacity: .22 } .level { stroke: #ff8f78; stroke-dasharray: 6 5 }
.now { stroke: #9ccb86; stroke-width: 2 } text { fill: #cdc0b0; font-size: 13px } a { color: #ffc887 }
li { margin: 4px 0 } img { height: 90px; border-radius: 6px }
ul { padding: 0; list-style: none } li a { display: flex; gap: 14px; align-items: center; text-decoration: none }
"""
_SCRIPT = """
const [video, now, chart] = ['video', '.now', 'svg'].map((one) => document.querySelector(one));
const at = (s) => ['x1', 'x2'].forEach((end) => now.setAttribute(end, s / LENGTH * WIDE));
const go = (s) => { at(s); if (video) { video.currentTime = s; } };
chart.onclick = (e) => { const box = chart.getBoundingClientRect(); go((e.clientX - box.left) / box.width * LENGTH); };
document.querySelectorAll('[data-at]').forEach((one) => one.onclick = () => go(+one.dataset.at));
if (video) video.ontimeupdate = () => at(video.currentTime);
"""


def scan_page(
    name: str, length_s: float, scores: Mapping[int, int], events: Sequence[Mapping[str, Any]], video: Path | None
) -> str:
    """Return the page.

    scores: by second. events: as in `tawny scan --json`. video: the scanned file, None for recordings.
    """
    shown = f'<video controls preload="metadata" src="{quote(os.fsencode(video.resolve()))}"></video>' if video else ""
    length_s, title = max(length_s, 1.0), escape(table_text(name))
    script = _SCRIPT.replace("LENGTH", json.dumps(length_s)).replace("WIDE", str(WIDE))
    rows = "".join(_row(event) for event in events)
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{title}</title><style>{_STYLE}</style>'
        f"<h1>{title}</h1>{shown}{_chart(length_s, scores, events)}"
        f"<ul>{rows or '<li>No events.</li>'}</ul><script>{script}</script></html>\n"
    )


def _chart(length_s: float, scores: Mapping[int, int], events: Sequence[Mapping[str, Any]]) -> str:
    x, y = WIDE / length_s, HIGH / 100
    bands = "".join(
        f'<rect class="event" x="{event["start_s"] * x:.1f}" y="0" height="{HIGH}"'
        f' width="{max(2.0, (event["end_s"] - event["start_s"]) * x):.1f}"/>'
        for event in events
    )
    level = HIGH - LINE * y
    return (
        f'<svg viewBox="0 0 {WIDE} {HIGH + 24}" role="img" aria-label="Score of each second">{bands}'
        f'<line class="level" x1="0" x2="{WIDE}" y1="{level}" y2="{level}"/>'
        f'<text x="6" y="{level - 6}">an event from here</text>'
        f"{''.join(_lines(scores, x, y))}"
        f'<text x="6" y="{HIGH + 18}">0:00</text>'
        f'<text x="{WIDE - 6}" y="{HIGH + 18}" text-anchor="end">{_clock(length_s)}</text>'
        f'<line class="now" x1="0" x2="0" y1="0" y2="{HIGH}"/></svg>'
    )


def _lines(scores: Mapping[int, int], x: float, y: float) -> list[str]:
    """Return one polyline per run of consecutive scanned seconds; skipped seconds leave a break."""
    made, points, before = [], list[str](), None
    for second in [*sorted(scores), None]:
        if points and (second is None or before is None or second != before + 1):
            made.append(f'<polyline class="line" points="{" ".join(points)}"/>')
            points = []
        if second is not None:
            points.append(f"{(second + 0.5) * x:.1f},{HIGH - scores[second] * y:.1f}")
        before = second
    return made


def _row(event: Mapping[str, Any]) -> str:
    start_s, end_s = event["start_s"], event["end_s"]
    picture = f'<img alt="" src="{quote(os.fsencode(Path(event["snapshot"]).name))}">' if "snapshot" in event else ""
    kind = f"{event['type']}: {event['sound']}" if "sound" in event else str(event["type"])
    words = f"{_clock(start_s)}, {end_s - start_s:.1f} s, {escape(kind)}, score {event['score']}"
    return f'<li><a href="#" data-at="{start_s}">{picture}<span>{words}</span></a></li>'


def _clock(seconds: float) -> str:
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d}"


# --- clips, images, scores
# ----------------------------------------------------------------------------------------

PICTURE_WIDTH = 1280
UNKNOWN = ""
"""Value in a score file for a second that was not scanned."""
_TOO_LONG: Final = "with privacy masks, a clip can't be this long"


@dataclass(frozen=True, slots=True)
class WholeResult:
    """The result of a complete input.

    summary: the JSON output. best_s: time of each event's best frame. scores: by second. written: how its clips and
    images were written (`ScanEventWriter.about`); empty: they weren't.
    """

    summary: dict[str, Any]
    best_s: tuple[float, ...] = ()
    scores: Mapping[int, int] | None = None
    """None: not stored, by an earlier version."""
    written: tuple[Any, ...] = ()


class ScanEventWriter:
    """Writes `<stem>-0001.mp4`, `.jpg`, `<stem>.scores.csv`, and `<stem>.html`, which shows all of them.

    finder: finds what is scanned here. before_s, after_s: additional time in clips. exact: clips are cut exactly;
    otherwise they begin and end at keyframes. covered: the same recordings with privacy masks; None: files are scanned.
    """

    def __init__(
        self,
        folder: Path,
        finder: InputFinder,
        before_s: float,
        after_s: float,
        *,
        exact: bool,
        covered: "RecordingFolder | None" = None,
    ) -> None:
        self._folder, self._finder, self._before_s, self._after_s = folder, finder, before_s, after_s
        self._exact, self._covered = exact, covered

    def about(self, stem: str) -> tuple[Any, ...]:
        """Return where and how the files of an input are written, as comparable values."""
        return str(self._folder.resolve()), stem, self._before_s, self._after_s, self._exact

    def has_written(self, stem: str, whole: WholeResult) -> bool:
        """Return whether the files of an input are there, and as this one writes them."""
        files = [event[name] for event in whole.summary["events"] for name in ("clip", "snapshot") if name in event]
        return whole.written == self.about(stem) and all(Path(file).exists() for file in files)

    def write(self, planned: PlannedInput, whole: WholeResult) -> WholeResult:
        """Return the result with the paths of its files; unchanged if the input isn't found here any more.

        An event whose clip can't be made says why. Raises StorageError.
        """
        each = self._finder.one(planned.source)
        if each is None:
            return whole
        stem, scores, summary = planned.stem, whole.scores or {}, whole.summary
        events = [
            {name: value for name, value in event.items() if name not in ("clip", "no_clip", "snapshot")}
            for event in summary["events"]
        ]
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            self._write_each(each, stem, list(zip(events, whole.best_s, strict=True)))
            (self._folder / f"{stem}.scores.csv").write_text(_scores(summary["duration_s"], scores), encoding="utf-8")
            page = scan_page(stem, summary["duration_s"], scores, events, each.file)
            (self._folder / f"{stem}.html").write_text(page, encoding="utf-8")
        except OSError as error:
            raise output_error(turned(error, str(self._folder)), "`--events-out`") from error
        return replace(whole, summary={**summary, "events": events}, written=self.about(stem))

    def _write_each(self, each: ScanInput, stem: str, events: Iterable[tuple[dict[str, Any], float]]) -> None:
        """Write clip and image of each event, and add their paths to it."""
        video: FileVideo | None = None
        for number, (event, best_s) in enumerate(events, 1):
            clip = self._folder / f"{stem}-{number:04}.mp4"
            try:
                video = video or each.video()
                if picture := _picture(video, best_s, self._private(each)):
                    clip.with_suffix(".jpg").write_bytes(picture)
                    event["snapshot"] = str(clip.with_suffix(".jpg"))
                self._write_clip(each, video, event, clip)
                event["clip"] = str(clip)
            except StorageUnavailable:
                raise
            except (SourceError, StorageError) as error:
                clip.unlink(missing_ok=True)  # an incomplete one
                event["no_clip"] = error.detail or error.message

    def _private(self, each: ScanInput) -> Sequence[Polygon]:
        """Return the privacy masks of recordings."""
        return self._covered.private(CameraId(each.target.camera)) if self._covered is not None else ()

    def _write_clip(self, each: ScanInput, video: FileVideo, event: Mapping[str, Any], clip: Path) -> None:
        """Raises SourceError, StorageError: it can't be made; OSError."""
        begin_s, end_s = max(0.0, event["start_s"] - self._before_s), event["end_s"] + self._after_s
        if self._private(each):
            clip.write_bytes(self._covered_clip(each, begin_s, end_s))
            return
        keyframe_s = None
        if video.has_times and not video.can_seek:
            keyframe_s = next((gop.at_s for gop in video.keyframes(begin_s)), None)
        copy_part(each.path, clip, begin_s, end_s, exact=self._exact, source=each.source, keyframe_s=keyframe_s)

    def _covered_clip(self, each: ScanInput, begin_s: float, end_s: float) -> bytes:
        """Return the clip with privacy masks, newly encoded. Raises SourceError, StorageError: it can't be made."""
        from tawny.playback.clips import ClipCache, ClipTooLarge  # lazy: of recordings only

        assert self._covered is not None
        assert each.begins_ms is not None
        target, zero_ms = each.target, each.begins_ms
        span = Span(zero_ms + round(begin_s * 1000), min(target.to_ms, zero_ms + round(end_s * 1000)))
        try:
            made = ClipCache(self._covered).clip(
                CameraId(target.camera), StreamName(target.stream), span, MOST_BYTES, exact=self._exact,
                rest_ms=target.from_ms,
            )  # fmt: skip
        except ClipTooLarge:
            raise SourceError(each.name, _TOO_LONG) from None
        if made is None:
            raise SourceError(each.name, "the recording is gone")
        return b"".join(made.read(0, made.size_bytes))


def _picture(video: FileVideo, best_s: float, private: Sequence[Polygon]) -> bytes | None:
    """Return an event's best frame as JPEG, or None. Raises SourceError."""
    best = None
    for frame in video.pictures(best_s, best_s + 0.001):
        best = frame if best is None or frame.at_ms <= best_s * 1000 + 1 else best
        if frame.at_ms >= best_s * 1000:
            break
    return jpeg(mask_picture(best, private), PICTURE_WIDTH) if best is not None else None


def _scores(duration_s: float, scores: Mapping[int, int]) -> str:
    rows = (f"{second},{scores.get(second, UNKNOWN)}\n" for second in range(int(duration_s) + 1))
    return "second,score\n" + "".join(rows)
