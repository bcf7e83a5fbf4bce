"""How well alarms fit the truth of a clip. Times are seconds from the clip's first frame.

found: an alarm touches the event, give or take a second. told: events close to each other are one incident, and an
alarm starts with it: what a message is worth. Alarms may overlap, each of another object: any of them tells, also one
that starts while another lasts. false: an alarm that starts in quiet time. chance: what the same alarms
would tell if they were moved round the clip. Read them together: one alarm that never ends finds everything.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from itertools import pairwise
from typing import Any, NamedTuple

LEAD_S = 2.0
"""An alarm may start so long before its event, and quiet so near to an event is not judged."""
INCIDENT_GAP_S = 5.0
"""Events that follow each other sooner are one incident; an alarm over a longer gap merges two."""
TOUCH_S = 1.0
PROMPT_S = 2.0
"""An event is found promptly if an alarm is on within so long of its start."""
OVERLONG = 0.8
"""Share of a clip: an alarm that is longer, and over half of the quiet, tells nothing."""
CHANCES = 100


class Span(NamedTuple):
    begin: float
    end: float


Spans = list[Span]


@dataclass(frozen=True)
class Clip:
    """A video with what is to be seen in it."""

    file: str
    length_s: float
    fps: float
    events: Spans
    quiet: Spans
    ignored: Spans
    unjudged: Spans
    """What is ignored, and the surroundings of hard cuts."""
    passing: Spans
    """Disturbances with a time of their own."""
    tolerance_s: float

    @classmethod
    def of(cls, about: Mapping[str, Any]) -> "Clip":
        """From the manifest's record of a clip."""
        truth, length_s = about["truth"], float(about["duration_s"])
        tolerance_s = float(truth.get("edge_tolerance_s", 1.0))
        ignored = union(_spans(truth.get("ignore", [])))
        cuts = [Span(cut - tolerance_s, cut + tolerance_s) for cut in truth.get("hard_cuts_s", [])]
        events = sorted(_spans(truth["events"]))
        return cls(
            file=about["file"],
            length_s=length_s,
            fps=float(about.get("fps", 25)),
            events=[e for e in events if e.end - e.begin - covered(ignored, e) > 0],
            quiet=union(Span(float(a), float(b)) for a, b in truth.get("quiet", [])),
            ignored=ignored,
            unjudged=union([*ignored, *cuts]),
            passing=[s for s in _spans(truth.get("nuisance", [])) if s.end - s.begin < 0.5 * length_s],
            tolerance_s=tolerance_s,
        )


@dataclass
class Figures:
    """Counts of one clip, or their sums over several."""

    length_s: float = 0.0
    quiet_s: float = 0.0
    events: int = 0
    found: int = 0
    strict: int = 0
    """Found otherwise than by an overlong alarm."""
    prompt: int = 0
    incidents: int = 0
    told: int = 0
    chance: float = 0.0
    false: int = 0
    disturbed: int = 0
    """Alarms that start in a disturbance."""
    merged: int = 0
    hits: int = 0
    misses: int = 0
    false_seconds: int = 0
    silent_seconds: int = 0
    """Whole seconds: of events under alarm and not, of quiet under alarm and not."""
    cpu_s: float = 0.0
    late_s: list[float] = field(default_factory=list)
    """Each incident's alarm's start against the incident's."""
    known_s: list[float] = field(default_factory=list)
    """For each alarm, how long after its own start it was told, where that is known."""
    missed: list[tuple[str, Span]] = field(default_factory=list)
    false_at: list[tuple[str, float]] = field(default_factory=list)

    def __add__(self, other: "Figures") -> "Figures":
        return Figures(**{f.name: getattr(self, f.name) + getattr(other, f.name) for f in fields(self)})

    @property
    def f1(self) -> float | None:
        """Of seconds; None where the truth has no second of an event."""
        if not self.hits + self.misses:
            return None
        return 2 * self.hits / (2 * self.hits + self.misses + self.false_seconds) if self.hits else 0.0

    @property
    def false_an_hour(self) -> float | None:
        return self.false * 3600 / self.quiet_s if self.quiet_s >= 1 else None

    @property
    def quiet_share(self) -> float | None:
        """Of quiet seconds, those under alarm."""
        seconds = self.false_seconds + self.silent_seconds
        return self.false_seconds / seconds if seconds else None

    def late(self, share: float) -> float | None:
        """The quantile of how far alarms start from their incidents."""
        return quantile([abs(s) for s in self.late_s], share)


def score(clip: Clip, alarms: Iterable[tuple[float, float]]) -> Figures:
    """alarms: begin and end, in any order; may overlap."""
    raw = _within(clip, alarms)
    on = union(raw)
    incidents = _incidents(clip.events)
    starts = [a.begin for a in raw]
    quiet_s = sum(q.end - q.begin - covered(clip.unjudged, q) for q in clip.quiet)
    clear = _clear_seconds(clip)
    overlong = [a for a in on if _is_overlong(a, clip, clear)]
    unasked = [a for a in starts if not inside(clip.unjudged, a) and not _is_excused(clip, a)]
    disturbed = union(Span(p.begin - LEAD_S, p.end) for p in clip.passing)
    false = [a for a in unasked if inside(clip.quiet, a) and not inside(disturbed, a)]
    touched = {e: [a for a in on if a.end >= e.begin - TOUCH_S and a.begin <= e.end + TOUCH_S] for e in clip.events}
    figures = Figures(
        length_s=clip.length_s,
        quiet_s=quiet_s,
        events=len(clip.events),
        found=sum(bool(touched[e]) for e in clip.events),
        strict=sum(any(a not in overlong for a in touched[e]) for e in clip.events),
        prompt=sum(any(a.begin <= e.begin + PROMPT_S for a in touched[e]) for e in clip.events),
        incidents=len(incidents),
        told=_told(clip, incidents, starts),
        chance=_chance(clip, incidents, starts),
        false=len(false),
        disturbed=sum(inside(disturbed, a) for a in unasked),
        merged=_merged(clip, incidents, raw),
        late_s=_late(clip, incidents, on),
        missed=[(clip.file, e) for e in clip.events if not touched[e]],
        false_at=[(clip.file, a) for a in false],
    )
    _count_seconds(figures, clip, on, clear)
    return figures


# --- spans ------------------------------------------------------------------------------------------------------------


def union(spans: Iterable[tuple[float, float]]) -> Spans:
    whole: Spans = []
    for begin, end in sorted((a, b) for a, b in spans if b > a):
        if whole and begin <= whole[-1].end:
            whole[-1] = Span(whole[-1].begin, max(whole[-1].end, end))
        else:
            whole.append(Span(begin, end))
    return whole


def covered(spans: Spans, within: Span) -> float:
    """Seconds of `within` under spans that do not overlap."""
    return sum(max(0.0, min(within.end, s.end) - max(within.begin, s.begin)) for s in spans)


def inside(spans: Spans, at: float) -> bool:
    return any(s.begin <= at <= s.end for s in spans)


def quantile(values: Sequence[float], share: float) -> float | None:
    if not values:
        return None
    ordered, at = sorted(values), (len(values) - 1) * share
    low, high = math.floor(at), math.ceil(at)
    return ordered[low] + (ordered[high] - ordered[low]) * (at - low)


# --- rules ------------------------------------------------------------------------------------------------------------


def _spans(records: Iterable[Mapping[str, Any]]) -> Spans:
    return [Span(float(r["start_s"]), float(r["end_s"])) for r in records]


def _within(clip: Clip, alarms: Iterable[tuple[float, float]]) -> Spans:
    """Cut to the clip. One without length was on for a frame."""
    cut = [
        Span(max(0.0, a), min(clip.length_s, max(a, b))) for a, b in alarms if a < clip.length_s and b >= 0
    ]  # fmt: skip
    frame_s = 1 / max(1.0, clip.fps)
    return sorted(s if s.end > s.begin else Span(s.begin, min(clip.length_s, s.begin + frame_s)) for s in cut)


def _incidents(events: Spans) -> Spans:
    near: Spans = []
    for e in events:
        if near and e.begin - near[-1].end <= INCIDENT_GAP_S:
            near[-1] = Span(near[-1].begin, max(near[-1].end, e.end))
        else:
            near.append(e)
    return near


def _told(clip: Clip, incidents: Spans, starts: Sequence[float]) -> int:
    return sum(any(i.begin - LEAD_S - clip.tolerance_s <= a <= i.end + 1.0 for a in starts) for i in incidents)


def _chance(clip: Clip, incidents: Spans, starts: Sequence[float]) -> float:
    turned = (
        _told(clip, incidents, [(a + clip.length_s * k / CHANCES) % clip.length_s for a in starts])
        for k in range(1, CHANCES)
    )
    return sum(turned) / (CHANCES - 1)


def _late(clip: Clip, incidents: Spans, on: Spans) -> list[float]:
    """Left out: what was under way at the first frame, and alarms that run over from long before."""
    late = []
    for i in incidents:
        own = next((a for a in on if a.end >= i.begin - TOUCH_S and a.begin <= i.end + TOUCH_S), None)
        if own and own.begin >= i.begin - INCIDENT_GAP_S and i.begin > clip.tolerance_s:
            late.append(own.begin - i.begin)
    return late


def _is_excused(clip: Clip, at: float) -> bool:
    """Whether an alarm that starts then belongs to an event."""
    return any(e.begin - LEAD_S - clip.tolerance_s <= at <= e.end + clip.tolerance_s for e in clip.events)


def _merged(clip: Clip, incidents: Spans, raw: Spans) -> int:
    """Gaps between incidents that one alarm covers."""
    merged = 0
    for one, two in pairwise(incidents):
        gap = Span(one.end, two.begin)
        if gap.end - gap.begin - covered(clip.unjudged, gap) > INCIDENT_GAP_S:
            merged += any(a.begin <= gap.begin and a.end >= gap.end for a in raw)
    return merged


def _whole_seconds(clip: Clip) -> Spans:
    return [Span(float(k), k + 1.0) for k in range(math.floor(clip.length_s + 1e-6))]


def _clear_seconds(clip: Clip) -> Spans:
    """Seconds that are quiet throughout, and far from every event."""
    near = union(Span(e.begin - LEAD_S, e.end + LEAD_S) for e in clip.events)
    return [
        s
        for s in _whole_seconds(clip)
        if covered(clip.quiet, s) >= 0.999 and not covered(near, s) and not covered(clip.unjudged, s)
    ]


def _is_overlong(alarm: Span, clip: Clip, clear: Spans) -> bool:
    if len(clear) < 3 or alarm.end - alarm.begin <= OVERLONG * clip.length_s:
        return False
    return sum(alarm.begin <= s.begin and s.end <= alarm.end for s in clear) > len(clear) / 2


def _count_seconds(figures: Figures, clip: Clip, on: Spans, clear: Spans) -> None:
    events, quiet = union(clip.events), set(clear)
    for second in _whole_seconds(clip):
        if covered(clip.unjudged, second) > 0:
            continue
        alarmed = covered(on, second) >= 0.5
        if covered(events, second) >= 0.999:
            figures.hits += alarmed
            figures.misses += not alarmed
        elif second in quiet:
            figures.false_seconds += alarmed
            figures.silent_seconds += not alarmed
