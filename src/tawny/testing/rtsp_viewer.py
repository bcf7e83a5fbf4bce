"""What a camera for tests is like, and what it keeps about each of its viewers: the truth to compare with."""

from dataclasses import dataclass, field
from typing import Protocol

from tawny.testing.clips import SampleClip
from tawny.testing.rtsp_faults import CameraFaults


@dataclass(slots=True)
class CameraSetup:
    """What kind of camera it is; may be changed while it runs. login: `` (none), `basic`, `md5` or `sha-256`."""

    user: str = "viewer"
    password: str = ""
    login: str = ""
    speed: float = 1.0
    """Units are sent so many times faster than their times say."""
    sets_in_band: bool = True
    """Parameter sets before every keyframe."""
    sets_in_sdp: bool = True
    aggregate: bool = False
    """Small NAL units of a picture share a packet."""
    sender_reports: bool = True
    passes: int | None = None
    """How often the clip is played to a viewer before the camera hangs up; None for ever."""
    udp_refused: bool = False
    timeout_s: int = 60
    """A viewer who gives no sign of life for so long is hung up on."""
    speaker: str = ""
    """`pcmu` or `pcma`: it has a loudspeaker, and tells those who ask for it (ONVIF's back channel)."""
    time_base: int | None = None
    """RTP's time of the first unit; None for one that looks random."""


@dataclass(frozen=True, slots=True)
class SentUnit:
    """One unit that went out; `is_damaged` if a fault was on it."""

    is_video: bool
    data: bytes
    """As a packet of ours would carry it."""
    pts: int
    is_keyframe: bool
    is_damaged: bool = False


@dataclass(slots=True)
class FakeRtspViewer:
    """Who asked, and what they were sent. ended: why it is over, empty while it is not."""

    requests: list[str] = field(default_factory=list)
    """Methods, in order."""
    transport: str = ""
    sent: list[SentUnit] = field(default_factory=list)
    heard: bytearray = field(default_factory=bytearray)
    """What the loudspeaker was sent, as it came."""
    is_playing: bool = False
    """PLAY was answered, ever."""
    ended: str = ""


class FakeCameraView(Protocol):
    """A camera as its viewers' connections see it."""

    clip: SampleClip
    setup: CameraSetup
    faults: CameraFaults
