"""Fills gaps from what cameras have recorded on their own cards (ONVIF Profile G). One actor, one camera at a time.

Everything is found again after a restart: a gap that is not filled is in the index, and so is what was stored of it. It
works only while all is well: live recording and the camera come first.
"""

import logging
import threading
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final, Literal

from tawny.config.settings import CameraSettings, Settings, in_mode
from tawny.engine import ActorHandle, Engine
from tawny.engine.backoff import Backoff, spread_s
from tawny.fleet.standby_member import NotNow
from tawny.model.errors import NotDone, SourceError, StorageError
from tawny.model.ids import CameraId, StreamName
from tawny.model.messages import GapChanged
from tawny.model.packets import Packet
from tawny.model.segments import BY_CHOICE, Gap, GapReason
from tawny.model.states import RECORDED, CameraState, CameraStatus
from tawny.model.times import Span, merge_spans
from tawny.recorder.card_footage import FrameMark, UnfitFootage, frame_digest
from tawny.recorder.stream_writer import SegmentCloser, StreamWriter
from tawny.service.cameras.card_session import CardSession, FillServices, Postponed, SessionHooks, Waits
from tawny.service.cameras.fillable_gaps import SETTLES_S, fillable, pieces_of, within_limits
from tawny.service.cameras.stream_figures import loss_warning
from tawny.service.retention.promises import contract
from tawny.sources.onvif import OnvifCamera, OnvifService
from tawny.sources.onvif_recordings import CameraCard

log = logging.getLogger(__name__)

BYTES_PER_S: Final = 2_000_000
"""Most that is fetched from all cameras together: 16 Mbit/s."""
_LOOK_S: Final = 5.0
_CALM_S: Final = 2.0
_CHECK_S: Final = 1.0
_MOST_TRIES: Final = 6
"""Number of times that a gap is looked for on a card that should have it, and sends nothing of it."""
_MOST_FAILURES: Final = 24
"""Number of times that a replay of a gap is begun in vain, because the camera refuses it or breaks off: 17 hours."""
_WAIT_S: Final = 0.02
_MOST_MARKS: Final = 3_000
_RING_S: Final = 60.0
_QUIET_S: Final = 60.0
"""Without a change, the index is searched for gaps this often, s."""

FillState = Literal["filling", "waiting", "gone", "failed", "unable"]

STATE_TEXTS: Final[dict[FillState, str]] = {
    "filling": "Filling a gap from the camera's card.",
    "waiting": "A gap will be filled from the camera's card when all is well.",
    "gone": "The camera's card doesn't have what is missing.",
    "failed": "The camera doesn't play what is on its card.",
    "unable": "This camera doesn't offer what is on its card, so gaps can't be filled. Turn off `fill_gaps`.",
}


@dataclass(frozen=True, slots=True)
class FillProgress:
    """State of one camera. left_s: missing time that may still be filled. why: what is wrong; empty if nothing."""

    camera: CameraId
    state: FillState
    left_s: float
    why: str = ""


UNMASKED: Final = (
    "Gaps aren't filled while this camera's privacy masks are burned in: its card has the whole image.",
    "Turn off `burn_in_masks` first, or leave the gap.",
)
_Key = tuple[CameraId, int]
"""Of missing time: its end, because it is filled from its begin on."""


@dataclass(slots=True)
class _Known:
    """State of one camera's gaps."""

    backoff: Backoff
    due_s: float = 0.0
    state: FillState | None = None
    why: str = ""
    request: Span | None = None
    """Time asked for by hand."""
    quiet_s: float = 0.0
    """Until when nothing is looked up if nothing changes, s monotonic."""
    looked_s: float = 0.0
    filled_ms: int = 0
    left_ms: int = 0


@dataclass(slots=True)
class _Edges:
    """Frames of an encrypted camera next to its gaps. number: of the newest packet looked at."""

    marks: Sequence[FrameMark] = ()
    number: int = -1
    was_on: bool | None = None
    is_begun: bool = False


class GapFiller:
    """An actor that may block for seconds. Its public methods are thread-safe."""

    name = "gap filler"

    def __init__(self, services: FillServices) -> None:
        self._of = services
        seals = services.seals
        self._closing = SegmentCloser(services.index, services.bus, seals.history if seals is not None else None)
        self._known: dict[CameraId, _Known] = {}
        self._gone: set[_Key] = set()
        self._tries: Counter[_Key] = Counter()
        self._due_s: dict[_Key, float] = {}
        self._lock = threading.Lock()
        self._requests: dict[CameraId, tuple[Span, float]] = {}
        """Asked for by hand, and the missing time, s; not begun yet."""
        self._changed_s: dict[CameraId, float] = {}
        self._remembered_s = float("-inf")
        self._is_listed = False
        """The card has listed its recordings: from then on, a failure is the gap's, not the camera's."""
        self._work: Waits | None = None
        self._at: CameraId | None = None
        self._key: _Key = CameraId(""), 0
        self._storing: tuple[CameraId, Span] | None = None
        """The missing time of which files may be open, or closed and not yet in the index."""
        self._elsewhere: tuple[CameraId, Span] | None = None
        """The missing time that the standby's footage is being stored for."""
        self._onvif: OnvifCamera | None = None
        self._handle = ActorHandle()
        self._is_over = False
        self._checked_s = float("-inf")
        self._edges: dict[CameraId, _Edges] = {}
        services.bus.subscribe(GapChanged, self._on_gap)

    def start(self, engine: Engine) -> None:
        self._handle.start(engine, self.name, lambda: self)

    def ask(self, camera: CameraId, within: Span) -> float:
        """Fill the gaps of a camera in this time soon, asked for by hand. Return the missing time, s.

        Raises NotDone if that is not possible.
        """
        settings = self._of.settings().cameras.get(camera)
        if settings is None:
            raise NotDone(f"No camera named {camera}.", f"Known: {', '.join(self._of.settings().cameras)}.")
        if not settings.onvif:
            raise NotDone(f"{camera} has no ONVIF address.", f"Set `onvif` under `[cameras.{camera}]`.")
        if is_masked(settings):
            raise NotDone(*UNMASKED)
        missing_s = sum(hole.seconds for _, hole in self._holes(camera, within, is_asked=True, settles_s=0.0))
        with self._lock:
            self._requests[camera] = within, missing_s
        self._handle.wake()
        return missing_s

    def is_storing(self, camera: CameraId, within: Span) -> bool:
        """Return whether files with some of this time are being written: they are not in the index yet."""
        there = (one for one in (self._storing, self._elsewhere) if one is not None)
        return any(name == camera and hole.overlaps(within) for name, hole in there)

    @contextmanager
    def leave_to_standby(self, camera: CameraId, hole: Span) -> Iterator[None]:
        """Fill nothing of this camera meanwhile: what its standby recorded is being stored.

        Raises NotNow: the camera's card is being read.
        """
        storing = self._storing
        if storing is not None and storing[0] == camera:
            raise NotNow(f"A gap of {camera} is being filled from its card.", "Try again later.")
        self._elsewhere = camera, hole
        try:
            yield
        finally:
            self._elsewhere = None

    def progress(self) -> list[FillProgress]:
        """Return the state of every camera with something to fill."""
        with self._lock:
            requests, known = dict(self._requests), list(self._known.items())
        coming = [FillProgress(camera, "waiting", missing_s) for camera, (_, missing_s) in requests.items()]
        return coming + [
            FillProgress(camera, one.state, one.left_ms / 1000, one.why)
            for camera, one in known
            if one.state is not None and camera not in requests
        ]

    def cancel(self) -> None:
        """End soon. Call from any thread, before the actor is stopped."""
        self._is_over = True
        onvif = self._onvif
        if onvif is not None:
            onvif.client.is_cancelled = True

    def step(self) -> float:
        if self._is_over:
            return _LOOK_S
        self._take_requests()
        self._remember_all()
        if self._work is None:
            if self._closing.left:
                self._closing.retry()
            self._storing = self._storing if self._closing.left else None
            found = self._next()
            if found is None:
                return _LOOK_S
            self._at, gap, hole = found
            self._key = self._at, hole.end_ms
            self._is_listed = False
            self._work = self._fill(self._at, gap, hole)
        assert self._at is not None
        known = self._of_camera(self._at)
        before_ms = known.filled_ms
        now_s = self._of.clock.mono_s
        try:
            pause_s = next(self._work)
            self._of.show(self._at, STATE_TEXTS["filling"])
            return pause_s
        except StopIteration:
            known.due_s = now_s() + _LOOK_S
            known.backoff.reset()
        except NotDone as error:
            known.state, known.why, known.due_s = "unable", error.message, now_s() + 3600.0
        except (SourceError, StorageError, UnfitFootage, Postponed) as error:
            why = getattr(error, "message", "") or str(error)
            if self._is_listed and isinstance(error, SourceError | UnfitFootage):
                self._failed(known, why, is_answer=isinstance(error, UnfitFootage))
                known.due_s = now_s() + _LOOK_S
            else:
                known.state, known.why = "waiting", why
                known.due_s = now_s() + known.backoff.next_s(60.0 if known.filled_ms > before_ms else 0.0)
            log.info("%s: filling from its card pauses: %s", self._at, known.why)
        self._of.show(self._at, STATE_TEXTS[known.state] if known.state in ("waiting", "unable") else "")
        self._work = self._onvif = None
        return _CALM_S

    def _failed(self, known: _Known, why: str, *, is_answer: bool) -> None:
        """Count a try of the present gap: others are next. is_answer: it is up to the card, so a few tries decide.

        The gap is given up until it is asked for by hand, or tawny starts again.
        """
        key = self._key
        self._tries[key] += 1
        known.state, known.why = "waiting", why
        if self._tries[key] >= (_MOST_TRIES if is_answer else _MOST_FAILURES):
            self._gone.add(key)
            known.state = "gone" if is_answer else "failed"
        self._due_s[key] = self._of.clock.mono_s() + spread_s(self._tries[key] - 1, 15.0, 3600.0)

    def _take_requests(self) -> None:
        """Begin what was asked for by hand."""
        with self._lock:
            requests, self._requests = self._requests, {}
            for camera, (within, _) in requests.items():
                known = self._of_camera(camera)
                known.request, known.due_s, known.quiet_s, known.state = within, 0.0, 0.0, "waiting"
        for camera in requests:
            self._gone = {one for one in self._gone if one[0] != camera}
            for key in [one for one in self._due_s if one[0] == camera]:
                del self._due_s[key], self._tries[key]

    def _on_gap(self, message: GapChanged) -> None:
        self._changed_s[message.gap.camera] = self._of.clock.mono_s()

    def close(self) -> None:
        work, self._work = self._work, None
        if work is not None:
            work.close()

    # --- which gaps

    def _of_camera(self, camera: CameraId) -> _Known:
        return self._known.setdefault(camera, _Known(Backoff(first_s=15.0, most_s=3600.0)))

    def _next(self) -> tuple[CameraId, Gap, Span] | None:
        """Return the next gap to fill of a camera that is well enough, and its missing time."""
        now_s, settings = self._of.clock.mono_s(), self._of.settings()
        for status in self._of.statuses():
            camera, known = settings.cameras.get(status.id), self._of_camera(status.id)
            request = known.request
            if camera is None or not camera.onvif or not (camera.fill_gaps or request) or is_masked(camera):
                continue
            if self._elsewhere is not None and self._elsewhere[0] == status.id:
                continue
            is_changed = known.looked_s - self._changed_s.get(status.id, float("-inf")) <= SETTLES_S + _LOOK_S
            if now_s < known.due_s or (now_s < known.quiet_s and not is_changed) or self._trouble(status.id):
                continue
            if request is None and self._of.duty(status.id, camera).record != "continuous":
                continue
            holes = self._holes(status.id, request, is_asked=request is not None)
            holes = [one for one in holes if (status.id, one[1].end_ms) not in self._gone]
            known.left_ms, known.looked_s = _sum(hole for _, hole in holes), now_s
            dues = [self._due_s.get((status.id, hole.end_ms), 0.0) for _, hole in holes]
            for (gap, hole), due_s in zip(holes, dues, strict=True):
                if due_s <= now_s:
                    known.filled_ms = 0
                    return status.id, gap, hole
            if request is not None and self._of.clock.now_ms() - request.end_ms < (SETTLES_S + _LOOK_S) * 1000:
                continue  # a gap that has just ended
            known.quiet_s = min([now_s + _QUIET_S, *dues])
            if holes:
                known.state = "waiting"
                continue
            known.request = None
            if known.state not in (None, "gone", "failed"):
                known.state = None
                self._of.show(status.id, "")
        return None

    def _remember_all(self) -> None:
        """Look at encrypted cameras every few seconds, also while something is fetched or postponed."""
        now_s, settings = self._of.clock.mono_s(), self._of.settings()
        if now_s - self._remembered_s < _LOOK_S:
            return
        self._remembered_s = now_s
        for status in self._of.statuses():
            camera, known = settings.cameras.get(status.id), self._known.get(status.id)
            is_asked = known is not None and known.request is not None
            if camera is not None and camera.onvif and (camera.fill_gaps or is_asked) and settings.is_sealed(status.id):
                self._remember(status)

    def _remember(self, status: CameraStatus) -> None:
        """Remember frames at the edges of an encrypted camera's gaps: its files can't be read."""
        hub = self._of.hub(status.id)
        newest = hub.newest if hub is not None else None
        if hub is None or newest is None:
            return
        edges = self._edges.setdefault(status.id, _Edges())
        is_on = status.state in RECORDED
        is_due = edges.was_on != is_on or (is_on and edges.is_begun)
        if not is_due or newest.number == edges.number:
            return
        edges.is_begun = is_on and edges.was_on != is_on  # once more when some seconds of it are there
        edges.was_on, edges.number = is_on, newest.number
        edges.marks = merged_marks(edges.marks, hub.recent(_RING_S))

    def _marks(self, camera: CameraId) -> Sequence[FrameMark]:
        """Return frames recorded live, as far as they are in memory."""
        hub, edges = self._of.hub(camera), self._edges.get(camera)
        return merged_marks(edges.marks if edges is not None else (), hub.recent(_RING_S) if hub is not None else ())

    def _holes(
        self, camera: CameraId, request: Span | None, *, is_asked: bool, settles_s: float = SETTLES_S
    ) -> list[tuple[Gap, Span]]:
        now_ms, kept = self._of.clock.now_ms(), contract(self._of.settings()).of(camera, StreamName.MAIN)
        within = within_limits(request, now_ms, kept.max_s)
        is_constant = is_recorded_in_all_modes(self._of.settings(), camera)
        return fillable(
            self._of.index, camera, within, now_ms, is_asked=is_asked, is_constant=is_constant, settles_s=settles_s
        )

    def _trouble(self, camera: CameraId) -> str:
        """Return why nothing may be fetched now; empty if all is well."""
        recorder, hub = self._of.recorder, self._of.hub(camera)
        found = self._of.settings().cameras.get(camera)
        if found is not None and is_masked(found):
            return UNMASKED[0]
        for status in self._of.statuses():
            if status.id == camera and status.state not in RECORDED:
                return "the camera isn't recorded right now"
            if status.state is CameraState.BLOCKED:
                return "the disk has problems"
        if hub is None or loss_warning(hub):
            return "video is being lost on the network"
        if recorder.at_risk_s or recorder.on_spare is not None or self._of.ledger.problem is not None:
            return "the disk is too slow"
        return ""

    # --- filling

    def _fill(self, camera: CameraId, gap: Gap, hole: Span) -> Waits:
        """Fill one gap of a camera, and note what became of it."""
        known, settings = self._of_camera(camera), self._of.settings().cameras[camera]
        known.state, known.why = "filling", ""
        self._storing, self._checked_s = (camera, hole), float("-inf")  # a deletion before this is found by the check
        yield 0.0
        place = OnvifService.of(settings.onvif)
        record = self._of.logins.record(camera, place.host, place.port_used)
        onvif = self._onvif = OnvifCamera(settings.onvif, self._of.clock, record)
        card = CameraCard(onvif)
        recordings = card.recordings()
        self._is_listed = True
        yield 0.0
        session = CardSession(self._of, self._hooks(camera, hole), settings, card, onvif.ahead_ms)
        offered = [one for one in recordings if session.may_have(one, hole)]
        if not offered:  # a camera that has just started lists what it has later
            self._failed(known, "the card doesn't list the missing time", is_answer=True)
            return
        known_ms = _sum(self._of.index.spans(camera, None, hole))
        try:
            yield from session.fetch(offered, hole)
        except (ValueError, OverflowError) as error:
            raise UnfitFootage(f"what the card sent can't be used: {error}") from error
        finally:
            self._closing.retry()
            self._note(gap)
            stored_ms = _sum(self._of.index.spans(camera, None, hole)) - known_ms
            known.filled_ms += stored_ms
            known.left_ms = max(0, known.left_ms - stored_ms)
            if session.stored:
                self._tries.pop(self._key, None)
        if not session.stored:
            self._failed(known, session.why or "the card sent nothing of the missing time", is_answer=True)

    def _note(self, gap: Gap) -> None:
        """Replace a gap by what was filled and what is still missing."""
        made = pieces_of(self._of.index, gap, self._of.clock.now_ms())
        with self._of.ledger.together():
            for one in made:
                self._of.ledger.put_gap(one)
        for one in made:
            self._of.bus.publish(GapChanged(one))

    # --- for sessions

    def _hooks(self, camera: CameraId, hole: Span) -> SessionHooks:
        return SessionHooks(
            camera,
            lambda: self._check(camera, hole),
            self._pause_s,
            lambda: self._writer(camera),
            lambda: self._marks(camera),
        )

    def _check(self, camera: CameraId, hole: Span) -> None:
        """Raises Postponed if nothing may be fetched now, or some of the missing time was deleted since."""
        if self._is_over:
            raise Postponed("tawny stops")
        now_s = self._of.clock.mono_s()
        if now_s - self._checked_s < _CHECK_S:
            return
        self._checked_s = now_s
        if why := self._trouble(camera):
            raise Postponed(why)
        now_ms, left_out = self._of.clock.now_ms(), BY_CHOICE - {GapReason.FILLED}
        if any(one.reason in left_out and one.span(now_ms).overlaps(hole) for one in self._of.index.gaps(camera, hole)):
            raise Postponed("some of it was deleted meanwhile")

    def _pause_s(self, came_bytes: int) -> float:
        """Return the time that so much data takes at the most that may be fetched."""
        return max(_WAIT_S, came_bytes / BYTES_PER_S)

    def _writer(self, camera: CameraId) -> StreamWriter:
        of = self._of
        return StreamWriter(of.volume, of.index, self._closing, camera, StreamName.MAIN, of.seals)


def merged_marks(known: Sequence[FrameMark], packets: Iterable[Packet]) -> list[FrameMark]:
    """Return the frames known already and those of packets, in order; the newest if there are many."""
    found = {one.at_ms: one for one in known}
    for one in packets:
        if one.is_video and one.at_ms not in found:
            found[one.at_ms] = FrameMark(one.at_ms, frame_digest(one), one.is_keyframe)
    return [found[at_ms] for at_ms in sorted(found)][-_MOST_MARKS:]


def is_masked(camera: CameraSettings) -> bool:
    """Return whether what is recorded lacks the areas that the card shows."""
    return camera.burn_in_masks and bool(camera.privacy_masks)


def is_recorded_in_all_modes(settings: Settings, camera: CameraId) -> bool:
    """Return whether no mode and no rule can make this camera private or keep it from recording all the time."""
    if any(one.verb == "don't record" for rule in settings.rules for one in rule.do):
        return False
    modes = [in_mode(settings, mode, camera) for mode in settings.modes.names]
    return all(one.record in (None, "continuous") and not one.privacy for one in modes)


def _sum(spans: Iterable[Span]) -> int:
    return sum(one.end_ms - one.begin_ms for one in merge_spans(list(spans)))
