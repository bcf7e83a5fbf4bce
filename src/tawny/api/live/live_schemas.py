"""What goes over the wire about live connections."""

from tawny.api.schemas import ApiResponse


class IceServerInfo(ApiResponse):
    """As browsers take it."""

    urls: list[str]
    username: str | None = None
    credential: str | None = None


class LiveServers(ApiResponse):
    webrtc: bool
    ice_servers: list[IceServerInfo]


class ClockInfo(ApiResponse):
    now_ms: int


class TalkbackInfo(ApiResponse):
    """Whether the camera has a loudspeaker that can be spoken to."""

    can: bool
