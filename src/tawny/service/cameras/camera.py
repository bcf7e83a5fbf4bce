"""A running camera: its streams from source to hub, recording, detection and status."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

from tawny.config.settings import CameraSettings, DetectionSettings, display_name
from tawny.detection.classification import ClassificationQueue
from tawny.detection.following import Followers
from tawny.detection.kind_model import FallbackClassifier
from tawny.detection.recognition import RecognitionQueue
from tawny.detection.zones import privacy_masks
from tawny.engine import Bus, Engine, Handle
from tawny.model.errors import SourceError
from tawny.model.events import Event
from tawny.model.ids import CameraId, EventId, StreamName
from tawny.model.messages import (
    CameraTurned,
    DamageFound,
    EventChanged,
    GapChanged,
    HoleFound,
    Message,
    PartDied,
    RunEnded,
    RunStarted,
    Scored,
    StatusChanged,
)
from tawny.model.segments import Gap, GapReason
from tawny.model.states import ON_WATCH, RECORDED, CameraState, CameraStatus
from tawny.model.times import Clock
from tawny.protocols.login_history import LoginHistory
from tawny.recorder.coverage_monitor import SILENT_S, CoverageMonitor
from tawny.recorder.recorder import SegmentRecorder, WriteLoss
from tawny.recorder.recording_times import RecordingTimes, WritingChange
from tawny.service import recorder as web
from tawny.service.cameras.duty import OFF as GONE
from tawny.service.cameras.duty import CameraDuty, WakeCalls, duty_of
from tawny.service.cameras.gap_writer import GapWriter
from tawny.service.cameras.guarded_source import open_camera, settings_of, shares, speaker_of
from tawny.service.cameras.picture_controls import adjust_camera
from tawny.service.cameras.stream_figures import (
    FROM_PHONE,
    PacketLoss,
    clock_hint,
    note_clock,
    rates,
)
from tawny.service.detection.camera_detection import CameraDetection, DetectionServices
from tawny.service.detection.camera_reports import READ_BY, CameraReports, wants_reports
from tawny.service.detection.event_marks import EventMarks
from tawny.service.detection.event_writer import EventWriter
from tawny.service.detection.sound_service import SoundService
from tawny.service.plugin_registry import OFF as NO_DETECTOR
from tawny.service.plugin_registry import PluginRegistry
from tawny.sources.masked_connection import MaskedConnection
from tawny.sources.microphone import with_microphone
from tawny.sources.onvif_events import CameraReport
from tawny.sources.phone import SCHEME as PHONE
from tawny.sources.source import (
    CameraConnection,
    SharedSource,
    SourceContext,
    Speaker,
    SpeakingSource,
    is_password_refused,
)
from tawny.storage.segments.detection_files import MotionFigures, MotionGrids, MotionScoreFile
from tawny.stream.hub import Hub
from tawny.stream.session import CLOCK_SET, STOPPED, PacketDemand, StreamReader, StreamSession

REPORTS_S = 2.5
"""How long the end of the camera's own reports is waited for, s."""
UNSEEN_S = 20.0
"""After so many s without `look_after` a camera's state is unknown."""
UNSEEN = "The recorder hasn't checked this camera for a while. The computer is overloaded or was suspended."
RING_S = 20.0
"""Packets kept in memory, s. Exceeds the write stalls of slow memory cards."""
LATE_S = 12.0
"""Packets kept before the pre-roll of an event, s: events are noticed late, and their ends later."""


@dataclass(frozen=True, slots=True)
class CameraServices:
    """Services shared by all cameras."""

    clock: Clock
    engine: Engine
    bus: Bus
    plugins: PluginRegistry
    gaps: GapWriter
    marks: EventMarks
    events: EventWriter
    recorder: SegmentRecorder
    scores: MotionScoreFile
    grids: MotionGrids
    ingest: Engine | None = None
    """Reads all streams whose connections never block; None: each stream has its own thread."""
    classification_queue: ClassificationQueue = field(default_factory=ClassificationQueue)
    """Classifies moving objects."""
    reading: RecognitionQueue = field(default_factory=RecognitionQueue)
    """Recognizes identities."""
    guesser: FallbackClassifier | None = None
    """Suggests a type where no classifier does."""
    logins: LoginHistory = field(default_factory=LoginHistory)
    """What sign-in cameras offered before."""
    figures: MotionFigures | None = None
    """What detectors measured; None: not stored."""
    sounds: SoundService | None = None
    """Classifies sounds; None: nothing does."""
    followers: Followers = field(default_factory=Followers)
    """What cameras follow."""


class RunningCamera:
    """Connects, records and detects from construction until `close`.

    since_ms: start of the time it is responsible for, ms UTC. duty: what it must do; None: as its settings say.
    before: the same camera before it was closed, whose events may last.
    """

    def __init__(
        self,
        camera_id: CameraId,
        settings: CameraSettings,
        parts: CameraServices,
        since_ms: int,
        duty: CameraDuty | None = None,
        before: "RunningCamera | None" = None,
    ) -> None:
        self.id, self.settings, self._parts = camera_id, settings, parts
        self.duty = duty or duty_of(settings, None, "")
        self.name = display_name(camera_id, settings)
        self.hubs: dict[StreamName, Hub] = {}
        self._sessions: dict[StreamName, StreamSession] = {}
        self._handles: list[Handle] = []
        self._readers: dict[StreamName, tuple[PacketDemand, Handle]] = {}
        self._sub_trouble = self._hint = ""
        self._failure: SourceError | None = None
        """Why the main stream is not connected; reported again when a mode records the camera again."""
        self.filling = ""
        """How far gaps are filled from its card; empty: nothing to say."""
        self._is_over_tcp = self._is_ending = False
        self._next = GONE
        self._calls = WakeCalls(parts.clock, settings, self._wake_readers)
        self._calls.hold(is_held=self.duty.is_held)
        self._wanted = RecordingTimes(self.duty.record, settings.pre, settings.post, self._writing_changed)
        self._after: dict[StreamName, int] = {}
        """Number of the first packet of each stream that was not written, while nothing is recorded."""
        means = DetectionServices(
            parts.clock, parts.engine, parts.plugins, parts.events, parts.scores, parts.grids,
            parts.classification_queue,
            parts.reading, parts.guesser, parts.figures, parts.sounds, parts.followers,
        )  # fmt: skip
        self.watching = CameraDetection(
            camera_id, self.hubs, means, self._happened, self._scored, self._seen_otherwise, self.on_event
        )
        self.coverage = self._begin_coverage(since_ms, before)
        self._pass_on: Callable[[EventChanged], None] | None = None
        self._ignore_events = parts.bus.subscribe(EventChanged, self.on_event)
        if before is not None:
            before.hand_over(self.on_event, self._wanted, self._calls)
        self._losses: dict[StreamName, PacketLoss] = {}
        self._begin_stream(StreamName.MAIN, settings.source)
        if settings.sub:
            self._begin_stream(StreamName.SUB, settings.sub)
        self._reports: tuple[CameraReports, Handle] | None = None
        """Reads what the camera itself reports."""
        self._unsubscribe = (
            parts.bus.subscribe(CameraTurned, self.on_turn),
            parts.bus.subscribe(PartDied, lambda message: self.watching.died(message.part, message.error)),
        )
        self._watch()
        self._read_reports()

    def _begin_coverage(self, since_ms: int, before: "RunningCamera | None") -> CoverageMonitor:
        made = CoverageMonitor(
            CameraStatus(self.id, self.name, self.duty.state, since_ms),
            Gap(self.id, since_ms, None, self.duty.reason, self.duty.detail),
            self._parts.clock,
            self._put_gap,
            self._status_changed,
            waits=self.duty.waits,
            called_ms=self._calls.since_ms if self.settings.sleeps else None,
        )
        made.start(before.coverage if before is not None else None)
        return made

    def _wake_readers(self) -> None:
        for _, handle in list(self._readers.values()):
            handle.wake()

    @property
    def status(self) -> CameraStatus:
        """Return the current status, with the time of the last packet, rates and hints."""
        status, hub = self.coverage.status, self.hubs[StreamName.MAIN]
        shown = self.watching.shown(status)
        newest = hub.newest
        fps, bit_rate = rates(hub) if status.state in ON_WATCH else (None, None)
        lost = ""
        if status.state in ON_WATCH:
            lost = self._losses[StreamName.MAIN].hint(self._parts.clock.now_ms(), over_tcp=self._is_over_tcp)
            lost = FROM_PHONE if lost and self.settings.source.startswith(PHONE) else lost
        wrong = clock_hint(hub.clock_offset_s)
        unwatched = " ".join(self.watching.fault(status) or ()) or self.watching.concern
        reports = self._reports  # another thread may end them meanwhile
        unread = reports[0].trouble if reports is not None else ""
        detail = shown.detail or self._sub_trouble or unwatched or lost or self._hint or unread or wrong or self.filling
        last_ms = newest.at_ms if newest else None
        now = replace(shown, detail=detail, last_packet_ms=last_ms, fps=fps, bit_rate=bit_rate)
        unseen_s = self.coverage.unseen_s
        if unseen_s > UNSEEN_S and shown.state in RECORDED:
            since_ms = self._parts.clock.now_ms() - round(unseen_s * 1000)
            now = replace(now, state=CameraState.UNKNOWN, since_ms=since_ms, detail=UNSEEN)
        return replace(now, clock_offset_s=hub.clock_offset_s, latency_s=hub.latency_s)

    def look_after(self) -> None:
        """Detect that a connection delivers no packets, and that it does again. Called once a second."""
        newest = self.hubs[StreamName.MAIN].newest
        silent_s = self._parts.clock.mono_s() - self._sessions[StreamName.MAIN].arrived_s
        self.coverage.starts()
        if newest is not None and silent_s > SILENT_S and self.coverage.status.state in ON_WATCH:
            self.coverage.silent(newest.at_ms)
        elif silent_s <= SILENT_S and (since_ms := self.coverage.silent_ms) is not None and self.duty.is_recorded:
            came = (one.at_ms for one in self.hubs[StreamName.MAIN].recent(SILENT_S) if one.at_ms > since_ms)
            if (at_ms := next(came, None)) is not None:
                self.coverage.arrives_again(at_ms)
        if self.watching.sound_health is not None:
            is_expected = self.coverage.status.state in RECORDED and silent_s <= SILENT_S
            self.watching.sound_health.look(is_expected=is_expected)
        self.coverage.looked()

    def lost(self, loss: WriteLoss) -> None:
        """Handle the recorder's report that it cannot write, or can write again."""
        if loss.stream is not StreamName.MAIN:
            return
        if loss.end_ms is None:
            self.coverage.disk_failed(loss.begin_ms, loss.reason, loss.detail)
        else:
            self.coverage.disk_recovered(loss.end_ms)

    def on_event(self, message: EventChanged) -> None:
        """Handle an event of any source that began, changed or ended. Called on any thread, and possibly twice."""
        if message.event.camera == self.id:
            self._record(message.event)
            self._calls.on_event(message.event)
            if self._pass_on is not None:
                self._pass_on(message)

    def hand_over(self, on_event: Callable[[EventChanged], None], wanted: RecordingTimes, calls: WakeCalls) -> None:
        """Give the events to the same camera that is connected again: they may last."""
        self._pass_on = on_event  # first: none that is being published now is lost
        self._wanted.hand_over(wanted)
        self._calls.hand_over(calls)
        self._ignore_events()

    def on_turn(self, message: CameraTurned) -> None:
        """Handle a movement by command. Called on any thread."""
        if message.camera == self.id:
            self.watching.turns(message.at_ms, message.until_ms)
            if not message.is_patrol:
                turned = EventId(f"turned-{message.at_ms}")
                self._record(Event(turned, self.id, "turned", message.at_ms, message.until_ms, 0.0))

    def _record(self, event: Event) -> None:
        """Record what happens, where the camera records only that."""
        self._wanted.on_event(event, self._parts.clock.now_ms())
        if self.duty.waits:
            self._parts.recorder.wake()

    def _writing_changed(self, change: WritingChange) -> None:
        """Handle the recorder's report that it begins or ceases to write a stream. Called on the recorder's thread."""
        if change.stream is not StreamName.MAIN or not self.duty.is_recorded:
            return
        if change.is_written:
            self.coverage.writes(change.at_ms)
        elif not self._wanted.is_always:
            self.coverage.waits(change.at_ms)

    def take_duty(self, duty: CameraDuty) -> None:
        """Record as this duty says from now on; the connection stays. `watch_as_due` must follow."""
        before, self.duty = self.duty, duty
        self._calls.hold(is_held=duty.is_held)
        now_ms = self._parts.clock.now_ms()
        self._wanted.switch(duty.record, self.settings.pre, self.settings.post, now_ms, back_s=duty.back_s)
        for hub in self.hubs.values():
            hub.keep(max(RING_S, self.settings.pre + LATE_S))
        if duty.is_recorded and not before.is_recorded:
            for stream, hub in self.hubs.items():  # a mode's pre-roll begins with the mode
                after = max(self._after.get(stream, 0), 0 if duty.is_held else hub.begin_at(0.0))
                self._parts.recorder.add(self.id, stream, hub, wanted=self._wanted, after=after)
            arrives = (failure := self._failure) is None and self._arrives()
            self.coverage.switch_on(now_ms, waits=duty.waits, arrives=arrives, failure=failure)
        elif not duty.is_recorded:
            newest = self.hubs[StreamName.MAIN].newest if self._arrives() else None
            if before.is_recorded:
                self._after = {stream: self._parts.recorder.remove(self.id, stream) for stream in self.hubs}
            self.coverage.switch_off(newest.at_ms if newest else now_ms, duty.state, duty.reason, duty.detail)
        self._parts.recorder.wake()

    def watch_as_due(self, before: CameraDuty) -> None:
        """Start or stop detection, if the duty before differed in that. May wait for it to end."""
        if before.is_watched != self.duty.is_watched:
            self._watch()

    def _arrives(self) -> bool:
        """Return whether the main stream delivers now."""
        silent_s = self._parts.clock.mono_s() - self._sessions[StreamName.MAIN].arrived_s
        return self.hubs[StreamName.MAIN].newest is not None and silent_s <= SILENT_S

    def holds_unmasked(self, settings: CameraSettings) -> bool:
        """Return whether memory holds video that is not yet recorded, without masks that these settings burn in."""
        if self.duty.record == "continuous" or not (self.settings.burn_in_masks and settings.burn_in_masks):
            return False
        private = privacy_masks(settings)
        return any(mask not in hub.private for hub in self.hubs.values() for mask in private)

    def watch_otherwise(self, settings: CameraSettings) -> None:
        """Apply settings that differ only in what `config.effects` lists in STAYS_CONNECTED; recording continues."""
        before, self.settings = self.settings, settings
        if (name := display_name(self.id, settings)) != self.name:
            self.name = name
            self.coverage.rename(name)
        private, is_turned = privacy_masks(settings), before.orientation != settings.orientation
        is_seen_otherwise = is_turned or any(hub.private != private for hub in self.hubs.values())
        for hub in self.hubs.values():
            hub.private = private
        for session in self._sessions.values():
            session.orientation = settings.orientation
        if is_turned or (before.detection, before.privacy_masks) != (settings.detection, settings.privacy_masks):
            self._watch()
        if any(getattr(before, key) != getattr(settings, key) for key in READ_BY):
            self._end_reports()
            self._read_reports()
            if bool(before.onvif) != bool(settings.onvif) or wants_reports(before) != wants_reports(settings):
                self._watch()
        if is_seen_otherwise:
            self._seen_otherwise()

    def adjust(self, settings: CameraSettings) -> bool:
        """Apply settings that differ only in picture controls, if the source can; recording continues."""
        source = self._parts.plugins.source_of(self.settings.source)
        opening = partial(self._opening, StreamName.MAIN, self.settings.source)
        if is_adjusted := adjust_camera(source, opening, self.settings, settings):
            self.settings = settings
        return is_adjusted

    def _watch(self) -> None:
        detection = self.settings.detection if self.duty.is_watched else DetectionSettings(detector=NO_DETECTOR)
        self.watching.begin(
            detection, privacy_masks(self.settings), self.settings.orientation,
            turns=bool(self.settings.onvif), reports=wants_reports(self.settings), silenced_by=self._silenced_by(),
        )  # fmt: skip

    def _silenced_by(self) -> str:
        """Return the setting that leaves out its audio; empty: none does."""
        source = self._parts.plugins.source_of(self.settings.source)
        if source is None or self.settings.microphone:
            return ""
        is_left_out = self.settings.table(source.scheme).get("sound") is False
        return f"{source.scheme}.sound" if is_left_out else ""

    def _read_reports(self) -> None:
        """Begin to read what the camera itself reports, if the settings say so and it may be looked at."""
        if not (wants_reports(self.settings) and self.duty.is_read):
            return
        parts = self._parts
        made = CameraReports(self.id, self.settings, self._reported, parts.clock, parts.logins)
        self._reports = made, parts.engine.start(made.name, lambda: made)

    def _end_reports(self) -> None:
        if self._reports is not None:
            self._reports[0].cancel()
            self._reports[1].stop()
            self._reports[1].join(REPORTS_S)
            self._reports = None

    def _reported(self, report: CameraReport) -> None:
        """Handle what the camera itself reports. Called on the thread that reads it."""
        if report.is_on is not False:
            self._calls.reported()
        if report.is_on is False or self.duty.is_watched:
            self.watching.reported(report, takes_motion=self.settings.camera_events == "all")

    def watched(self, stream: StreamName, viewers: int) -> None:
        """Set the count of live viewers: with viewers packets are delivered at once, else in efficient batches."""
        if stream in self._readers:
            pace, handle = self._readers[stream]
            pace.watched_by(viewers, self._parts.clock.mono_s())
            handle.wake()

    def stop_reading(self, *, then: CameraDuty | None = None, for_good: bool = False) -> None:
        """Request the end of all parts; returns at once.

        then: the duty that follows, which explains the time after the last frame; None if the camera is removed.
        for_good: the recorder stops, and its next start explains the gap after the last frame.
        """
        self._is_ending = self._is_ending or for_good
        self._next = then or self._next
        self.watching.stop()
        if self._reports is not None:
            self._reports[0].cancel()
            self._reports[1].stop()
        for handle in self._handles:
            handle.stop()

    def close(self, *, then: CameraDuty | None = None) -> int | None:
        """End all parts and wait for them; the recorder closes its files soon after. then: as in `stop_reading`.

        With `then`, it learns of events until `hand_over`.

        Return the begin of the gap that goes on under `then`, ms UTC; None if there is none.
        """
        self.stop_reading(then=then)
        self._end_reports()
        self.watching.close()
        self.watching.over(self._parts.clock.now_ms())
        for handle in self._handles:
            handle.join(3.0)
        for stream in self.hubs:
            self._parts.recorder.remove(self.id, stream)
        for unsubscribe in (*self._unsubscribe, *(() if then else (self._ignore_events,))):
            unsubscribe()
        return self.coverage.stop(self._parts.clock.now_ms(), *((then.reason, then.detail) if then else ()))

    def _begin_stream(self, stream: StreamName, address: str) -> None:
        parts = self._parts
        hub = self.hubs[stream] = Hub(keep_s=max(RING_S, self.settings.pre + LATE_S))
        hub.private = privacy_masks(self.settings)
        self._losses[stream] = PacketLoss(hub)
        warm_up_s = self.settings.warm_up
        if warm_up_s is None:
            warm_up_s = float(getattr(parts.plugins.source_of(address), "warm_up_s", 0.0))
        session = self._sessions[stream] = StreamSession(self.id, stream, hub, parts.clock, self._on_message, warm_up_s)
        session.orientation = self.settings.orientation
        if not self.duty.is_read:
            return
        engine, open_source = self._opener(stream, address)
        listener, pace = _Listener(self, stream), PacketDemand(self._calls.refusal, partial(self._holds, stream))
        if self.duty.is_recorded:
            parts.recorder.add(self.id, stream, hub, wanted=self._wanted)
        name = f"read {self.id} {stream}"

        def make() -> StreamReader:
            return StreamReader(name, open_source, session, listener, parts.clock, pace)

        handle = engine.start(name, make)
        self._handles.append(handle)
        self._readers[stream] = pace, handle

    def _holds(self, stream: StreamName) -> bool:
        """Return whether a refused stream waits: the sub stream does while the main stream is refused the same login.

        `connected` of the main stream ends that. It may also be refused for its path alone.
        """
        failure, main, sub = self._failure, self.settings.source, self.settings.sub
        if stream is StreamName.MAIN or failure is None or not is_password_refused(failure):
            return False
        return main.split("/")[:3] == sub.split("/")[:3]

    @property
    def about(self) -> web.CameraView:
        """Return the camera as the web layer sees it."""
        chosen = self.settings
        place = chosen.group, chosen.orientation, chosen.lens, chosen.burn_in_masks, chosen.source.startswith(PHONE)
        return web.CameraView(self.status, tuple(self.hubs), chosen.pre, chosen.post, *place)

    def speaker(self) -> Speaker | None:
        """Return its loudspeaker, not yet connected; None if its source type has none."""
        address = self.settings.source
        source = self._parts.plugins.source_of(address)
        opening = partial(self._opening, StreamName.MAIN, address)
        return speaker_of(source, opening) if isinstance(source, SpeakingSource) else None

    def _opener(self, stream: StreamName, address: str) -> tuple[Engine, Callable[[], CameraConnection]]:
        """Return the engine for a stream's reader and a function that connects."""
        source, ingest = self._parts.plugins.source_of(address), self._parts.ingest
        if source is None:  # the settings were valid before its plug-in broke
            return self._parts.engine, partial(_refuse_address, address)
        sound = self.settings.microphone if stream is StreamName.MAIN else ""
        opening = partial(self._opening, stream, address)
        is_masked, clock, hub = self.settings.burn_in_masks, self._parts.clock, self.hubs[stream]
        shared = source if isinstance(source, SharedSource) and shares(source, opening) else None
        if shared is not None and ingest is not None and not (sound or is_masked):
            return ingest, lambda: open_camera(source, opening, shared.begin)
        begin = shared.begin if shared is not None and is_masked else source.open

        def connect() -> CameraConnection:
            return with_microphone(open_camera(source, opening, begin), sound, clock)

        if not is_masked:
            return self._parts.engine, connect
        where = self._parts.plugins.public(address)
        return self._parts.engine, lambda: MaskedConnection(connect, lambda: hub.private, where, clock)

    def _opening(self, stream: StreamName, address: str) -> SourceContext:
        """Return how to open a stream, with the settings in force now."""
        source = self._parts.plugins.source_of(address)
        options = settings_of(source, self.settings) if source is not None else {}
        return SourceContext(self.id, stream, address, options, self._parts.clock, self._parts.logins)

    def _on_message(self, message: Message) -> None:
        """Handle a message of a stream session. Called on its reader's thread."""
        if isinstance(message, RunStarted | RunEnded) and message.stream is StreamName.MAIN:
            self._calls.delivers(is_there=isinstance(message, RunStarted))
        match message:
            case RunStarted(_, StreamName.MAIN, _, at_ms) if self.duty.is_recorded:
                self.coverage.begun(at_ms)
            case RunEnded(_, StreamName.MAIN, _, _, why) if self._is_ending and why == STOPPED:
                pass
            case RunEnded(_, StreamName.MAIN, _, at_ms, why) if self.duty.is_recorded:
                self.coverage.over(at_ms, *self._cause(why))
            case HoleFound(_, StreamName.MAIN, begin_ms, end_ms, missing, dropped) if self.duty.is_recorded:
                self.coverage.hole(begin_ms, end_ms, missing, dropped)
            case DamageFound(damage) if self.duty.is_recorded:
                self._parts.gaps.put_damage(damage)
                self._losses[damage.stream].on_damage(damage)
            case DamageFound() | HoleFound():
                return  # the stream is not recorded
        if isinstance(message, RunEnded):
            self._parts.recorder.end_run(message.camera, message.stream, message.why)
        self._parts.bus.publish(message)

    def _cause(self, why: str) -> tuple[GapReason, str]:
        """Return the reason and detail of the gap after a run that ended, as far as known."""
        if why == STOPPED:
            return self._next.reason, self._next.detail
        if self._calls.sleeps and why != CLOCK_SET:
            return GapReason.ASLEEP, ""
        return (GapReason.CLOCK, "the clock was set") if why == CLOCK_SET else (GapReason.CAMERA_RESTART, "")

    def _happened(self, message: EventChanged) -> None:
        self._parts.bus.publish(self._parts.marks.shown(message))

    def _scored(self, message: Message) -> None:
        if isinstance(message, Scored):
            self._parts.scores.put(self.id, message.second_ms, message.score)
        self._parts.bus.publish(message)

    def _seen_otherwise(self) -> None:
        self._status_changed(self.coverage.status)

    def _status_changed(self, status: CameraStatus) -> None:
        self._parts.bus.publish(StatusChanged(self.watching.shown(status)))

    def _put_gap(self, gap: Gap) -> None:
        self._parts.gaps.put(gap)
        self._parts.bus.publish(GapChanged(gap))

    def connected(self, stream: StreamName, notes: Mapping[str, Any]) -> None:
        """Handle a stream's first packets. notes: properties of the connection."""
        self.noted(stream, notes)
        if stream is StreamName.SUB:
            self._sub_trouble = ""
        else:
            failure, self._failure = self._failure, None
            if failure is not None and is_password_refused(failure):
                self._wake_readers()  # the sub stream waited for this
            self._is_over_tcp = notes.get("transport") == "tcp"

    def noted(self, stream: StreamName, notes: Mapping[str, Any]) -> None:
        """Handle changed properties of a stream's connection."""
        if stream is StreamName.MAIN:
            self._hint = str(notes.get("hint", ""))
        note_clock(self.hubs[stream], notes)

    def failed(self, stream: StreamName, error: SourceError) -> None:
        """Handle a source that cannot be opened or has ended. A failed sub stream does not stop the recording."""
        if stream is StreamName.MAIN:
            self._failure = error
            if self.duty.is_recorded:
                self.coverage.failed(error)
        elif not self._calls.sleeps:
            self._sub_trouble = (
                f"The sub stream isn't available, so detection uses the main stream. {error.for_viewers}"
            )


def _refuse_address(address: str) -> CameraConnection:
    raise SourceError(address.partition(":")[0], "no plug-in that works takes this address")


@dataclass(frozen=True, slots=True)
class _Listener:
    camera: RunningCamera
    stream: StreamName

    def connected(self, notes: Mapping[str, Any]) -> None:
        self.camera.connected(self.stream, notes)

    def noted(self, notes: Mapping[str, Any]) -> None:
        self.camera.noted(self.stream, notes)

    def failed(self, error: SourceError) -> None:
        self.camera.failed(self.stream, error)
