"""API schemas of live connections."""

from tawny.api.schemas import ApiResponse


class IceServerInfo(ApiResponse):
    """As `RTCIceServer` in browsers."""

    urls: list[str]
    username: str | None = None
    credential: str | None = None


class LiveServers(ApiResponse):
    webrtc: bool
    ice_servers: list[IceServerInfo]


class ClockInfo(ApiResponse):
    now_ms: int


class TalkbackInfo(ApiResponse):
    """Whether the camera has a loudspeaker for talkback."""

    can: bool
