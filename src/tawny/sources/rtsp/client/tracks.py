"""Converts a camera's RTP and RTCP to packets with aligned timestamps and statistics.

No sockets and no clock: the caller sets the time.
"""

import base64
import binascii
from collections import deque
from collections.abc import Sequence
from statistics import median
from typing import Any

from tawny.media.codec.nal import START, split_annexb
from tawny.model.packets import VIDEO_RATE, AudioFormat, SourcePacket, VideoFormat
from tawny.protocols.rtp import Bye, SenderReport, read_rtcp, signed_step
from tawny.protocols.sdp import SdpDescription, SdpTrack
from tawny.sources.packet_builder import PacketBuilder
from tawny.sources.rtsp.client.audio_depacketizer import AacDepacketizer, AudioFrame, G711Depacketizer, sound_of
from tawny.sources.rtsp.client.rtp_receiver import TCP_WINDOW, RtpCounts, RtpReceiver
from tawny.sources.rtsp.client.timestamp_aligner import ReplayTimes, TimestampAligner
from tawny.sources.rtsp.client.transcript import ConversationFault
from tawny.sources.rtsp.client.video_depacketizer import DepacketizedUnit, VideoDepacketizer

# Parameter sets announced in the SDP. Candidates only; invalid ones are skipped.

_NAMES = ("sprop-parameter-sets", "sprop-vps", "sprop-sps", "sprop-pps")
_MOST_CHARACTERS = 8192


def announced_sets(track: SdpTrack) -> tuple[bytes, ...]:
    """Return the announced NAL units; empty if none. Accepts start codes, which some cameras add."""
    texts = (text for name in _NAMES for text in track.fmtp.get(name, "")[:_MOST_CHARACTERS].split(","))
    return tuple(nal for text in texts for nal in _nals(text))


def _nals(text: str) -> list[bytes]:
    try:
        data = base64.b64decode(text.strip().strip('"') + "==")
    except (binascii.Error, ValueError):
        return []
    if not data.startswith((START, START[1:])):
        data = START + data
    return [nal for nal in split_annexb(data) if len(nal) > 2]


# Camera clock offset and video latency, derived from RTCP sender reports.

_BACK_S = 1.0
"""A clock that goes back by more than this was set; the first report after that is ignored."""
_SET_S = 0.5
"""Offsets of two reports that differ by more than transmission delays can explain: the clock was set."""
_KEPT = 12
_CREDIBLE = 3
"""Minimum number of consistent reports for a latency estimate."""
_MOST_LATENCY_S = 10.0


class CameraClock:
    """Fed with the sender reports of the video track."""

    def __init__(self, rate: int) -> None:
        self._rate = rate
        self._offsets: deque[float] = deque(maxlen=_KEPT)
        self._latencies: deque[float] = deque(maxlen=_KEPT)
        self._said_s = 0.0

    def report(self, report: SenderReport, arrived_s: float, picture: tuple[int, float] | None) -> None:
        """Process a report. arrived_s: UTC. picture: RTP timestamp and arrival time (UTC) of the newest frame."""
        said_s = report.utc_s
        if said_s is None:
            return
        before_s, self._said_s = self._said_s, said_s
        if said_s < before_s - _BACK_S:
            self._forget()
            return
        offset_s = said_s - arrived_s
        if self._offsets and abs(offset_s - self._offsets[-1]) > _SET_S:
            self._forget()
        self._offsets.append(offset_s)
        if picture is not None:
            time, came_s = picture
            taken_s = said_s + signed_step(report.time, time) / self._rate
            self._latencies.append(came_s + max(self._offsets) - taken_s)

    def restart(self) -> None:
        """Reset for a new stream, which may have another clock."""
        self._forget()
        self._said_s = 0.0

    @property
    def offset_s(self) -> float | None:
        """Camera clock minus local clock, in seconds. None without a report."""
        return max(self._offsets, default=None)

    @property
    def latency_s(self) -> float | None:
        """Time from capture to arrival of a frame, in seconds. None until credible."""
        if len(self._latencies) < _CREDIBLE:
            return None
        found_s = median(self._latencies)
        return max(0.0, found_s) if -_SET_S < found_s < _MOST_LATENCY_S else None

    def _forget(self) -> None:
        self._offsets.clear()
        self._latencies.clear()


KEYFRAME_S = 30.0
"""Timeout for the first keyframe, in seconds; cameras send one every 1 to 20 s."""
_BYE_S = 0.3
"""Packets sent before a BYE may arrive later. If video continues, the BYE was void."""
_OTHER_BYE_S = 2.0
"""Maximum time that audio may continue after video's BYE, in seconds."""
_HEARD_S = 0.2
"""Audio is held for this time after the first frame, to compare the delays of both tracks."""
_MOST_EARLY = 100
_CHANGES_S = 5.0
"""Two format changes within this time, in s, indicate invalid data."""
_WASTE_S = 0.5
"""Packets without a frame for longer than this are recorded; no camera needs this time for one frame."""
_SENSELESS, _SENSELESS_MOST = 4, 100
"""Weight of an invalid unit against valid ones, and the limit of the weighted excess."""


class Tracks:
    """Video and audio of one connection. wants_sound: record audio if available. stall_s: timeout without a frame.

    changes_s: minimum time between two changes of the format. placing: places the timestamps of a replay, which are
    known when a frame arrives; None: those of a live stream are learned from arrivals.
    """

    def __init__(
        self,
        *,
        wants_sound: bool,
        stall_s: float,
        window: int = TCP_WINDOW,
        changes_s: float = _CHANGES_S,
        placing: ReplayTimes | None = None,
    ) -> None:
        self.packets: deque[SourcePacket] = deque()
        """Packets ready to be read."""
        self.now_s = 0.0
        """Current time, s monotonic; set by the caller before feeding data."""
        self._wants_sound, self._stall_s, self._window = wants_sound, stall_s, window
        self._changes_s = changes_s
        self._replay = placing
        self._placing: TimestampAligner | ReplayTimes = placing or TimestampAligner()
        self._units: VideoDepacketizer | None = None
        self._pictures: PacketBuilder | None = None
        self._video: RtpReceiver | None = None
        self._audio: RtpReceiver | None = None
        self._audio_format: AudioFormat | None = None
        self._sound: G711Depacketizer | AacDepacketizer | None = None
        self._early: deque[tuple[AudioFrame, float]] = deque(maxlen=_MOST_EARLY)
        """Audio frames held until alignment, with their arrival times."""
        self._pictures_s: float | None = None  # arrival of the first frame
        self._begun_s = self.alive_s = 0.0
        self._changed_s: float | None = None
        self._bye_s: float | None = None
        self._sound_bye_s: float | None = None
        self._good = self._units_given = self._damaged = 0
        self._missing_reported = self._packets_seen = 0
        self._is_waste = False  # packets arrived for long without a complete frame
        self._clock = CameraClock(VIDEO_RATE)
        self._picture_came: tuple[int, float] | None = None
        self._tool, self._sound_ignored = "", ""
        self._fps: float | None = None

    def choose(self, described: SdpDescription) -> Sequence[SdpTrack]:
        """Select the tracks, video first. Raises ConversationFault without a supported video track."""
        video = described.video
        if video is None or video.video_codec is None:
            offered = ", ".join(described.encodings[:6])
            raise ConversationFault("no-video" if offered else "sdp", f"it offers {offered or 'no streams'}")
        self._tool, self._fps = described.tool, video.fps
        self._units = VideoDepacketizer(video.video_codec, self._picture)
        self._pictures = PacketBuilder(video.video_codec, announced_sets(video))
        self._video = RtpReceiver(video.payload_type, self._units, self._window, self._get_now_s)
        chosen = [video]
        sounds = [track for track in described.tracks if not track.is_back]  # the others are loudspeakers
        for track in sounds if self._wants_sound else ():
            found = sound_of(track, self._on_sound)
            if found:
                self._audio_format, self._sound = found
                self._audio = RtpReceiver(track.payload_type, self._sound, self._window, self._get_now_s)
                self._placing = self._replay or TimestampAligner(self._audio_format.rate)
                if self._replay is not None:
                    self._replay.sound_rate = self._audio_format.rate
                return [video, track]
            if track.kind == "audio" and not self._sound_ignored:
                self._sound_ignored = track.encoding
        return chosen

    def _get_now_s(self) -> float:
        return self.now_s

    def receiver_of(self, track: SdpTrack) -> RtpReceiver:
        """Return the RTP receiver of a chosen track."""
        receiver = self._video if track.kind == "video" else self._audio
        assert receiver is not None, "it was chosen before"
        return receiver

    def begin(self, now_s: float) -> None:
        """Start playing."""
        self.now_s = self._begun_s = self.alive_s = now_s

    def report(self, data: bytes, utc_s: float, *, is_video: bool) -> None:
        """Process an RTCP packet."""
        receiver = self._video if is_video else self._audio
        if receiver is None:
            return
        for found in read_rtcp(data):
            if isinstance(found, Bye):
                if found.ssrc == receiver.source:
                    self._on_bye(is_video=is_video)
            elif isinstance(found, SenderReport) and receiver.source in (found.ssrc, -1):
                self._placing.report(found, self.now_s, is_video=is_video)
                if is_video:
                    self._clock.report(found, utc_s, self._came_at(utc_s))

    def _came_at(self, utc_s: float) -> tuple[int, float] | None:
        """Return the newest frame's RTP timestamp and arrival time (UTC); None before the first."""
        if self._picture_came is None:
            return None
        time, came_s = self._picture_came
        return time, utc_s - self.now_s + came_s

    def give_up_late(self) -> None:
        """Stop waiting for late packets."""
        for receiver in (self._video, self._audio):
            if receiver is not None:
                receiver.give_up()

    def finish(self) -> None:
        """Flush at the end of the connection: the open unit if complete, and held audio."""
        self.give_up_late()
        if self._units is not None:
            self._units.finish()
        if self.has_pictures:
            self._let_sound_go()

    def watch(self, bytes_s: float) -> None:
        """Raise ConversationFault if there is no valid video. bytes_s: age of the last received byte, in seconds."""
        if self._bye_s is not None and self._has_gone(self._bye_s):
            raise ConversationFault("bye", "it ended the stream")
        if self._early and self._is_sound_due:
            self._let_sound_go()
        if self.now_s - self.alive_s >= self._stall_s:
            sends = "no data at all" if bytes_s > self._stall_s / 2 else "although data arrives"
            raise ConversationFault("stall", f"no video for {self._stall_s:g} s, {sends}")
        pictures, units = self._pictures, self._units
        if pictures is None or units is None:
            return
        self._look_for_waste()
        if pictures.format is None and self.now_s - self._begun_s > KEYFRAME_S:
            if not pictures.is_ready:
                raise ConversationFault("no-parameters", "it never sends decoding parameters (SPS/PPS)")
            raise ConversationFault("waiting-key", f"no keyframe within {KEYFRAME_S:g} s")
        senseless = pictures.senseless + units.odd
        if _SENSELESS * senseless - self._good > _SENSELESS_MOST:
            raise ConversationFault("stall", "its data isn't valid video")
        if _SENSELESS * senseless < self._good:
            self._good = pictures.senseless = units.odd = 0  # long ago: reset

    def _look_for_waste(self) -> None:
        """Record whether video packets arrived while no frame was complete for some time."""
        counts = self._counts
        came = counts.packets + counts.bad + counts.strangers
        if came != self._packets_seen and self.now_s - self.alive_s > _WASTE_S:
            self._is_waste = True
        self._packets_seen = came

    @property
    def _counts(self) -> RtpCounts:
        """Packet statistics of the video track."""
        return self._video.counts if self._video else RtpCounts()

    @property
    def missing(self) -> int:
        """Number of lost video packets."""
        return self._counts.missing

    @property
    def has_pictures(self) -> bool:
        """At least one frame was returned."""
        return self._units_given > 0

    @property
    def notes(self) -> dict[str, Any]:
        """Properties and counters for status and reports."""
        notes: dict[str, Any] = {"tool": self._tool}
        if self._fps:
            notes["fps"] = self._fps
        notes["sound"] = self._audio_format.codec if self._audio_format else ""
        if self._sound_ignored and not self._audio_format:
            notes["sound_ignored"] = self._sound_ignored
        counts = self._video.counts if self._video else None
        if counts:
            notes |= {"packets": counts.packets, "missing": counts.missing, "gaps": counts.gaps, "late": counts.late}
            notes |= {"repeated": counts.repeated, "strangers": counts.strangers, "restarts": counts.restarts}
        notes |= {"units": self._units_given, "damaged": self._damaged, "clock_jumps": self._placing.video.jumps}
        if self._sound is not None:
            notes |= {
                "sound_bad": self._sound.bad,
                "sound_cut": self._placing.cut,
                "sound_padded": self._placing.padded,
            }
        if (offset_s := self._clock.offset_s) is not None:
            notes["clock_offset_s"] = round(offset_s, 3)
        if (latency_s := self._clock.latency_s) is not None:
            notes["latency_s"] = round(latency_s, 3)
        return notes

    def _picture(self, unit: DepacketizedUnit) -> None:
        assert self._pictures is not None
        before, senseless = self._pictures.format, self._pictures.senseless
        look = self._pictures.look(unit.sets, unit.first_slice, is_key=unit.is_key and not unit.is_damaged)
        waited_s = unit.ahead / VIDEO_RATE
        came_s = self.now_s - waited_s
        at = self._placing.picture_at(unit.ticks, unit.time, came_s, is_anew=unit.is_anew)
        if self._pictures.senseless == senseless:
            self.alive_s, self._bye_s = self.now_s, None
        self._picture_came = unit.time, came_s
        if unit.is_anew:
            self._clock.restart()
        if look is None:
            return
        if self._pictures_s is None:
            self._pictures_s = self.now_s
        self._good += 1
        self._units_given += 1
        self._damaged += unit.is_damaged
        if look.format is not before and before is not None:
            self._changed(look.format)
        missing, is_waste = self.missing - self._missing_reported, self._is_waste
        self._missing_reported, self._is_waste = self.missing, False
        self.packets.append(
            SourcePacket(look.format, unit.data, at, look.is_keyframe, unit.is_damaged, missing, is_waste, waited_s)
        )
        if self._early and self._is_sound_due:
            self._let_sound_go()

    def _changed(self, to: VideoFormat) -> None:
        if self._changed_s is not None and self.now_s - self._changed_s < self._changes_s:
            raise ConversationFault("bad-parameters", f"its resolution keeps changing, now to {to.width}x{to.height}")
        self._changed_s = self.now_s

    def _on_bye(self, *, is_video: bool) -> None:
        if is_video:
            self._bye_s = self.now_s
        else:
            self._sound_bye_s = self.now_s

    def _has_gone(self, bye_s: float) -> bool:
        """Return whether the stream has ended since video's BYE; audio may continue briefly."""
        if self._audio is None or self._audio.source < 0:
            return self.now_s - bye_s >= _BYE_S
        if self._sound_bye_s is not None:
            return self.now_s - max(bye_s, self._sound_bye_s) >= _BYE_S
        return self.now_s - bye_s >= _OTHER_BYE_S

    @property
    def _is_sound_due(self) -> bool:
        held_s = _HEARD_S if self._replay is None else 0.0
        return self._pictures_s is not None and self.now_s - self._pictures_s >= held_s

    def _on_sound(self, sound: AudioFrame) -> None:
        if self._is_sound_due and not self._early:
            self._place_sound(sound, self.now_s)
            return
        self._early.append((sound, self.now_s))
        if self._is_sound_due:
            self._let_sound_go()

    def _let_sound_go(self) -> None:
        if self._early:
            self._placing.begin_sound([(sound.ticks, came_s) for sound, came_s in self._early])
        while self._early:
            self._place_sound(*self._early.popleft())

    def _place_sound(self, sound: AudioFrame, arrived_s: float) -> None:
        assert self._audio_format is not None
        at = self._placing.sound_at(sound.ticks, sound.time, sound.samples, arrived_s, is_anew=sound.is_anew)
        if at is not None:
            self.packets.append(SourcePacket(self._audio_format, sound.data, at))
