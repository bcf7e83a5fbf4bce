"""Nothing is lost by the gate: over all footage, as it is and encoded anew, the events with keyframes alone while
nothing happens are those of decoding everything, and no more begin in quiet time. And a gate that is set wrong on
purpose is found out by its audit.

    python -m benchmarks.detect --gate [--footage FOLDER]

Encoded anew, once, into .test/gate: constant quality, constant bit rate, and a keyframe only every 10 s.
"""

import random
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from benchmarks.footage import Watched, watch_file
from benchmarks.scoring import Clip, Span, inside
from tawny.detection.decode_pipeline import DecodeGate, GateMode
from tawny.detection.motion import MotionDetector
from tawny.model.observations import Frame

CACHE = Path(__file__).resolve().parents[1] / ".test" / "gate"
APART_S = 1.0
"""Two events are the same if they begin no further apart, or one is under way so soon after the other has begun."""
AS_IT_IS = "as it is"
_EVERY_2_S = ("-force_key_frames", "expr:gte(t,n_forced*2)", "-g", "600")
ENCODINGS: dict[str, tuple[str, ...]] = {
    "constant quality": ("-crf", "28", *_EVERY_2_S),
    "constant bit rate": ("-b:v", "600k", "-minrate", "600k", "-maxrate", "600k", "-bufsize", "600k",
                          "-x264-params", "nal-hrd=cbr", *_EVERY_2_S),
    "keyframes 10 s apart": ("-crf", "28", "-force_key_frames", "expr:gte(t,n_forced*10)", "-g", "600"),
}  # fmt: skip
MOST_ENCODED_BYTES = 5_000_000_000


class Footage(NamedTuple):
    clip: Clip
    path: Path


class Compared(NamedTuple):
    """missing: events of decoding everything that the gate lost; added: those that only it has; joined: those that it
    has within one that began before. false, false_gated: how many others began in quiet time, where all was decoded and
    with the gate."""

    events: int
    missing: list[Span]
    added: list[Span]
    joined: int
    false: int
    false_gated: int
    whole: Watched
    gated: Watched


class Blind(MotionDetector):
    """Sees nothing at a glance: what a gate set wrong looks like."""

    def glance(self, frame: Frame) -> bool:
        del frame
        return False


def main(footage: list[Footage]) -> int:
    """0 if nothing was lost and the planted fault was found."""
    is_right = True
    print(
        "| encoding | events | lost | added | within another | begun in quiet time, all decoded | gated | slept % ",
        end="",
    )
    print("| CPU s/h, all decoded | gated |")
    print("|---" * 10 + "|")
    for name in (AS_IT_IS, *ENCODINGS):
        compared = [(one, _compared(one, path)) for one, path in _encoded(footage, name)]
        is_right &= not any(c.missing or c.added or c.false_gated > c.false for _, c in compared)
        print(_row(name, compared), flush=True)
        for one, c in compared:
            for word, spans in (("lost", c.missing), ("added", c.added)):
                for span in spans:
                    print(f"    {word}: {one.clip.file} {span.begin:.1f} to {span.end:.1f} s")
    found = _planted(max(footage, key=lambda one: len(one.clip.events) * (one.clip.length_s > 300)))
    print(f"\n{'kept  ' if is_right else 'BROKEN'}  events of the gate are those of decoding everything")
    print(f"{'kept  ' if found else 'BROKEN'}  a gate that sees nothing is found out by its audit")
    return 0 if is_right and found else 1


def _compared(one: Footage, path: Path) -> Compared:
    whole = watch_file(path, MotionDetector({}))
    gated = watch_file(path, MotionDetector({}), DecodeGate(GateMode.BALANCED, random.Random(1)))
    (a, false), (b, false_gated) = _judged(one.clip, whole), _judged(one.clip, gated)
    missing = _without(a, b)
    joined = sum(min((abs(x.begin - y.begin) for y in b), default=0.0) > APART_S for x in a if x not in missing)
    return Compared(len(a), missing, _without(b, a), joined, len(false), len(false_gated), whole, gated)


def _judged(clip: Clip, watched: Watched) -> tuple[list[Span], list[Span]]:
    """Events, and what begins in quiet time; nothing that begins at a cut, which no camera gives."""
    alarms = [alarm for alarm in watched.alarms if not inside(clip.unjudged, alarm.begin)]
    return [a for a in alarms if not inside(clip.quiet, a.begin)], [a for a in alarms if inside(clip.quiet, a.begin)]


def _without(a: list[Span], b: list[Span]) -> list[Span]:
    return [x for x in a if not any(y.begin - APART_S <= x.begin <= max(y.end, y.begin + APART_S) for y in b)]


def _row(name: str, compared: list[tuple[Footage, Compared]]) -> str:
    length_h = sum(one.clip.length_s for one, _ in compared) / 3600
    groups = sum(c.gated.notes["groups"] for _, c in compared)
    slept = sum(c.gated.notes["slept"] for _, c in compared)
    whole_s, gated_s = (sum(getattr(c, k).cpu_s for _, c in compared) / length_h for k in ("whole", "gated"))
    lost, added = (sum(len(getattr(c, k)) for _, c in compared) for k in ("missing", "added"))
    events, joined, false, false_gated = (
        sum(getattr(c, k) for _, c in compared) for k in ("events", "joined", "false", "false_gated")
    )
    return (
        f"| {name} | {events} | {lost} | {added} | {joined} | {false} | {false_gated} | {100 * slept / groups:.0f} "
        f"| {whole_s:.0f} | {gated_s:.0f} |"
    )


def _planted(one: Footage) -> bool:
    """Whether the audit finds out, over this clip again and again, that nothing is seen at a glance."""
    gate = DecodeGate(GateMode.BALANCED, random.Random(1))
    for played in range(1, 41):
        watch_file(one.path, Blind({}), gate)
        if gate.audit.failed:
            print(f"\nset wrong: {gate.audit.misses} misses in {gate.audit.audits} audits, after {one.clip.file} was "
                  f"played {played} times. The camera's page says: {gate.trouble}")  # fmt: skip
            return True
    return False


def _encoded(footage: list[Footage], name: str) -> Iterator[tuple[Footage, Path]]:
    if name == AS_IT_IS:
        yield from ((one, one.path) for one in footage)
        return
    if shutil.which("ffmpeg") is None:
        raise FileNotFoundError("ffmpeg is not installed: it encodes the clips anew")
    CACHE.mkdir(parents=True, exist_ok=True)
    for one in footage:
        path = CACHE / f"{one.path.stem}-{name.replace(' ', '-')}.mp4"
        if not path.is_file():
            _encode(one.path, path, ENCODINGS[name])
        yield one, path


def _encode(source: Path, path: Path, words: tuple[str, ...]) -> None:
    part = path.with_suffix(".part")
    limit = ("-fs", str(MOST_ENCODED_BYTES))
    subprocess.run(
        ["ffmpeg", "-nostdin", "-v", "error", "-y", "-i", str(source), "-an", "-c:v", "libx264", "-preset", "superfast",
         "-threads", "1", "-sc_threshold", "0", *words, *limit, "-f", "mp4", str(part)], check=True,
    )  # fmt: skip
    part.replace(path)
