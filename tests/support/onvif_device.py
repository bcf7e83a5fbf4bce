"""A camera with ONVIF's discovery, device and media services (profiles S and T), and a network of them as a program.

python -m tests.support.onvif_device 10.0.0.11 10.0.0.12 …     # one on each of this machine's own addresses
"""

import os
import re
import socket
import struct
import sys
import threading
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from http.server import ThreadingHTTPServer
from typing import Any

from tawny.testing.clips import ClipSpec, made_clip
from tawny.testing.rtsp_camera import RtspCamera
from tawny.testing.rtsp_viewer import CameraSetup
from tests.sources.onvif.fake_camera import DEVICE, MEDIA, PTZ, FakeCamera, fault, handler

MEDIA2 = "/onvif/media2"
GROUP = ("239.255.255.250", 3702)


@dataclass(frozen=True)
class Stream:
    """A profile. uri: what the camera says its stream is at."""

    token: str
    codec: str
    width: int
    height: int
    uri: str
    lens: str = "lens0"
    fps: int = 20
    gop: int = 40
    quality: int = 4


@dataclass
class OnvifDevice(FakeCamera):
    """profile: `S` (Media) or `T` (Media2 as well, which alone lists H.265). Knows GetServices if has_services."""

    maker: str = "Northlight"
    model: str = "NL-200"
    serial: str = "SN0042"
    profile: str = "S"
    has_services: bool = True
    streams: Sequence[Stream] = ()
    refuses: str = ""
    """What it says instead of changing a setting."""
    offers: Mapping[str, Sequence[tuple[int, int]]] = field(default_factory=dict)
    """Resolutions of each codec that an encoder can be set to."""
    options: str = ""
    """What it says of its encoders by Media, if anything."""
    identity: str = field(default_factory=lambda: str(uuid.uuid4()))

    def _of(self, name: str, values: dict[str, str], path: str) -> tuple[int, str]:
        host = self.elsewhere or f"127.0.0.1:{self.port}"
        match name, path:
            case "GetDeviceInformation", "/onvif/device_service":
                return 200, (
                    f"<r><Manufacturer>{self.maker}</Manufacturer><Model>{self.model}</Model>"
                    f"<FirmwareVersion>1.0.7</FirmwareVersion><SerialNumber>{self.serial}</SerialNumber></r>"
                )
            case "GetServices", "/onvif/device_service" if self.has_services:
                names = {"ver10/device": DEVICE, "ver10/media": MEDIA}
                names |= {"ver20/media": MEDIA2} if self.profile == "T" else {}
                names |= {"ver20/ptz": PTZ} if self.turns else {}
                listed = "".join(
                    f"<Service><Namespace>http://www.onvif.org/{key}/wsdl</Namespace><XAddr>http://{host}{at}</XAddr></Service>"
                    for key, at in names.items()
                )
                return 200, f"<r>{listed}</r>"
            case "GetProfiles", "/onvif/media":
                listed = "".join(self._profile(one) for one in self.streams if one.codec != "H265")
                return 200, f"<r>{listed}</r>"
            case "GetProfiles", "/onvif/media2":
                return 200, f"<r>{''.join(self._profile2(one) for one in self.streams)}</r>"
            case "SetVideoEncoderConfiguration", "/onvif/media" | "/onvif/media2" if not self.refuses:
                new: dict[str, Any] = {
                    "gop": int(values.get("GovLength") or values["Configuration.GovLength"]),
                    "codec": values["Encoding"], "width": int(values["Width"]), "height": int(values["Height"]),
                }  # fmt: skip
                others = (("fps", "FrameRateLimit"), ("quality", "Quality"))
                new |= {key: int(float(values[result])) for key, result in others if result in values}
                name = values["Configuration.token"].removeprefix("encoder-")
                self.streams = [replace(one, **new) if one.token == name else one for one in self.streams]
                return 200, "<r/>"
            case "GetVideoEncoderConfigurationOptions", "/onvif/media" if self.options:
                return 200, self.options
            case "GetVideoEncoderConfigurationOptions", "/onvif/media2":
                offered = "".join(
                    f'<Options ProfilesSupported="Main High" FrameRatesSupported="5 15 20"><Encoding>{codec}</Encoding>'
                    "<QualityRange><Min>1</Min><Max>6</Max></QualityRange>"
                    + "".join(
                        f"<ResolutionsAvailable><Width>{width}</Width><Height>{height}</Height></ResolutionsAvailable>"
                        for width, height in sizes
                    )
                    + "</Options>"
                    for codec, sizes in self.offers.items()
                )
                return 200, f"<r>{offered}</r>"
            case "SetSystemDateAndTime", "/onvif/device_service" if not self.refuses:
                parts = ("Year", "Month", "Day", "Hour", "Minute", "Second")
                result = datetime(*(int(values[one]) for one in parts), tzinfo=UTC)  # type: ignore[arg-type,misc]
                self.ahead = result - datetime.now(UTC)
                return 200, "<r/>"
            case "SetVideoEncoderConfiguration" | "SetSystemDateAndTime", _:
                return 400, fault("ter:ConfigModify", self.refuses)
            case "GetStreamUri", "/onvif/media" | "/onvif/media2":
                uri = next(one.uri for one in self.streams if one.token == values["ProfileToken"])
                return (
                    200,
                    f"<r><MediaUri><Uri>{uri}</Uri></MediaUri></r>" if path == MEDIA else f"<r><Uri>{uri}</Uri></r>",
                )
        return super()._of(name, values, path)

    def _profile(self, one: Stream) -> str:
        return (
            f'<Profiles token="{one.token}"><VideoSourceConfiguration><SourceToken>{one.lens}</SourceToken>'
            f'</VideoSourceConfiguration><VideoEncoderConfiguration token="encoder-{one.token}"><Name>a &amp; b</Name>'
            f"<Encoding>{one.codec}</Encoding>"
            f"<Resolution><Width>{one.width}</Width><Height>{one.height}</Height></Resolution>"
            f"<RateControl><FrameRateLimit>{one.fps}</FrameRateLimit></RateControl>"
            f"<H264><GovLength>{one.gop}</GovLength></H264></VideoEncoderConfiguration></Profiles>"
        )

    def _profile2(self, one: Stream) -> str:
        return (
            f'<Profiles token="{one.token}"><Configurations><VideoSource><SourceToken>{one.lens}</SourceToken>'
            f'</VideoSource><VideoEncoder token="encoder-{one.token}" GovLength="{one.gop}" Profile="Main">'
            f"<Encoding>{one.codec}</Encoding>"
            f"<Resolution><Width>{one.width}</Width><Height>{one.height}</Height></Resolution>"
            f"<RateControl><FrameRateLimit>{one.fps}</FrameRateLimit></RateControl><Quality>{one.quality}</Quality>"
            "</VideoEncoder></Configurations></Profiles>"
        )

    def match(self, address: str) -> bytes:
        """The answer to a probe. address: where its device service is said to be."""
        scopes = f"onvif://www.onvif.org/name/{self.model} onvif://www.onvif.org/hardware/{self.model}"
        scopes += f" onvif://www.onvif.org/mfr/{self.maker} onvif://www.onvif.org/Profile/Streaming"
        return (
            '<s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope" xmlns:a="urn:a" xmlns:d="urn:d"><s:Body>'
            f"<d:ProbeMatches><d:ProbeMatch><a:EndpointReference><a:Address>urn:uuid:{self.identity}</a:Address>"
            f"</a:EndpointReference><d:Scopes>{scopes}</d:Scopes><d:XAddrs>{address}</d:XAddrs></d:ProbeMatch>"
            "</d:ProbeMatches></s:Body></s:Envelope>"
        ).encode()


@contextmanager
def answering(
    device: OnvifDevice, interface: str = "127.0.0.1", group: tuple[str, int] = GROUP
) -> Iterator[list[bytes]]:
    """Answers probes to the group on an interface, as the device. Yields the questions that came."""
    asked: list[bytes] = []
    with (
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as ear,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as mouth,
    ):
        ear.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        ear.bind(group)
        member = struct.pack("4s4s", socket.inet_aton(group[0]), socket.inet_aton(interface))
        ear.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, member)
        ear.settimeout(0.05)
        mouth.bind((interface, 0))
        ended = threading.Event()

        def work() -> None:
            while not ended.is_set():
                try:
                    data, sender = ear.recvfrom(65_535)
                except TimeoutError:
                    continue
                asked.append(data)
                if b"NetworkVideoTransmitter" in data or (device.profile == "T" and b"Device" in data):
                    at = f"http://{device.elsewhere or interface}:{device.port}{DEVICE}"
                    mouth.sendto(device.match(at), sender)

        thread = threading.Thread(target=work, daemon=True)
        thread.start()
        try:
            yield asked
        finally:
            ended.set()
            thread.join()


def main(addresses: Sequence[str]) -> None:
    """One device on each address. With a password in the environment, each has two streams as well, behind it.

    CAMERA_PORT: of the first device's services; its streams are at the two next ports.
    """
    password, port = os.environ.get("CAMERA_PASSWORD", ""), int(os.environ.get("CAMERA_PORT", "0"))
    with ExitStack() as stack:
        for number, address in enumerate(addresses):
            device = OnvifDevice(profile="ST"[number % 2], model=f"NL-{number}", serial=f"SN{number}")
            device.ahead = timedelta(hours=number == 2)  # the third one's clock is wrong
            if password:
                device.password = password
                device.streams = [
                    _stream(stack, address, password, name, port and port + 1 + at)
                    for at, name in enumerate(("main", "sub"))
                ]
            server = ThreadingHTTPServer((address, port), handler(device))
            device.port = server.server_port
            threading.Thread(target=server.serve_forever, daemon=True).start()
            stack.enter_context(answering(device, address))
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        sys.stdin.read()


def _stream(stack: ExitStack, address: str, password: str, name: str, port: int) -> Stream:
    width, height = (640, 360) if name == "main" else (320, 240)
    setup = CameraSetup(user="admin", password=password, login="md5")
    camera = RtspCamera(made_clip(ClipSpec(width=width, height=height)), setup, address)
    camera.port = port
    stack.enter_context(camera)
    return Stream(name, "H264", width, height, f"rtsp://{address}:{camera.port}/{name}")


if __name__ == "__main__":
    main([one for one in sys.argv[1:] if re.fullmatch(r"[\d.]+", one)])
