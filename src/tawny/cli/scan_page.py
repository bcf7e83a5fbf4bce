"""HTML page with the results of one scan: score over time, events and the video."""

import json
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any
from urllib.parse import quote

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
    shown = f'<video controls preload="metadata" src="{quote(str(video.resolve()))}"></video>' if video else ""
    length_s = max(length_s, 1.0)
    script = _SCRIPT.replace("LENGTH", json.dumps(length_s)).replace("WIDE", str(WIDE))
    rows = "".join(_row(event) for event in events)
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{escape(name)}</title><style>{_STYLE}</style>'
        f"<h1>{escape(name)}</h1>{shown}{_chart(length_s, scores, events)}"
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
    picture = f'<img alt="" src="{quote(Path(event["snapshot"]).name)}">' if "snapshot" in event else ""
    words = f"{_clock(start_s)}, {end_s - start_s:.1f} s, {escape(str(event['type']))}, score {event['score']}"
    return f'<li><a href="#" data-at="{start_s}">{picture}<span>{words}</span></a></li>'


def _clock(seconds: float) -> str:
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d}"
