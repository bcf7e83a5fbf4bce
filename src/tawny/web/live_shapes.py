"""What goes over the wire about live connections."""

from tawny.web.shapes import Told


class IceServer(Told):
    """As browsers take it."""

    urls: list[str]
    username: str | None = None
    credential: str | None = None


class LiveServers(Told):
    webrtc: bool
    ice_servers: list[IceServer]


class Now(Told):
    now_ms: int


class CanTalk(Told):
    """Whether the camera has a loudspeaker that can be spoken to."""

    can: bool
