"""A device that may be a camera, as every way to search reports it."""

from dataclasses import dataclass
from typing import Literal

Kind = Literal["network", "usb", "pi", "tawny"]


@dataclass(frozen=True, slots=True)
class FoundCamera:
    """Texts are as the device says, cleaned; they may be empty."""

    place: str
    """IP address; of a local camera its source, such as `/dev/v4l/by-id/…`."""
    kind: Kind
    name: str = ""
    maker: str = ""
    model: str = ""
    identity: str = ""
    """UUID or hardware address, as the device says. Any device can say the same."""
    mac: str = ""
    """Hardware address, as the computer's own network table has it."""
    onvif: str = ""
    """URL of its device service, without login."""
    rtsp_port: int = 0
    """0: unknown."""
    path: str = ""
    """Of its stream, if it announces one."""
    ways: frozenset[str] = frozenset()
    """How it was found: `onvif`, `mdns`, `rtsp`."""
    formats: tuple[str, ...] = ()
    """Of a local camera, such as `H264`."""
    size: tuple[int, int] = (0, 0)
    """Largest picture of a local camera, px; (0, 0): unknown."""
    problem: str = ""
    """Why it cannot be used now."""

    @property
    def title(self) -> str:
        """What to call it: its maker and model, its name, or its place."""
        return " ".join(filter(None, (self.maker, self.model))) or self.name or self.place
