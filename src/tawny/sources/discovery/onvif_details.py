"""What an ONVIF camera says of itself: maker, model, clock, and the addresses of its streams (profiles S and T).

Whatever host an answer names, only the camera's own is used: an answer can't lead the password elsewhere.
"""

import xml.etree.ElementTree as ET
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Final, Literal
from urllib.parse import quote, urlsplit

from tawny.model.errors import SourceError, SourceLoginWeaker, SourceRefused, SourceUnreachable, SourceUnusable
from tawny.model.times import Clock
from tawny.model.validation import device_label
from tawny.protocols.login_history import LoginRecord
from tawny.protocols.soap import find_elements, quoted, text_at
from tawny.sources.network_address import DEFAULT_PORT, ENCRYPTED_PORT, NetworkAddress
from tawny.sources.onvif import OnvifService, SoapClient
from tawny.sources.onvif_times import camera_time_ms

DEADLINE_S: Final = 15.0
"""Of all requests together."""
_DEVICE, _MEDIA = "http://www.onvif.org/ver10/device/wsdl", "http://www.onvif.org/ver10/media/wsdl"
_MEDIA2, _SCHEMA = "http://www.onvif.org/ver20/media/wsdl", "http://www.onvif.org/ver10/schema"
_CODECS: Final = {"H264": "h264", "H265": "h265", "HEVC": "h265", "H.264": "h264", "H.265": "h265"}
_SUB_WIDTH: Final = 640
"""The sub stream is the one nearest to this width: enough for detection and small tiles."""
KEYFRAME_S: Final = 2.0
"""Distance of keyframes that suits recording: playback begins at once, and the stream is hardly larger."""
_MOST_PROFILES, _MOST_CHARACTERS, _MOST_TOKEN = 64, 80, 100


@dataclass(frozen=True, slots=True)
class OnvifProfile:
    """A stream that the camera offers."""

    token: str
    codec: str
    """`h264`, `h265`, or as the camera names another one."""
    width: int
    height: int
    fps: float = 0.0
    lens: str = ""
    """Token of its video source: cameras with two lenses have two."""


@dataclass(frozen=True, slots=True)
class OnvifDetails:
    """main, sub: stream addresses with login; sub is None if there is no smaller stream of the same lens."""

    maker: str
    model: str
    serial: str
    firmware: str
    ahead_ms: int
    """Camera clock minus this computer's, ms."""
    main: NetworkAddress
    sub: NetworkAddress | None


def ask_details(url: str, clock: Clock, record: LoginRecord | None = None) -> OnvifDetails:
    """Ask a camera. url: of the device service, with login. Blocks for at most DEADLINE_S.

    Raises SourceUnreachable, SourceRefused, SourceLoginWeaker, SourceUnusable (no H.264 or H.265), SourceError.
    """
    return _Conversation(url, clock, record).run()


def change_keyframes(url: str, clock: Clock, record: LoginRecord | None = None) -> None:
    """Set the keyframe interval of the main stream, and of the sub stream, to KEYFRAME_S. As `ask_details`.

    Raises SourceError, with the camera's own words if it refuses.
    """
    _Conversation(url, clock, record).set_keyframes()


def change_codec(url: str, clock: Clock, record: LoginRecord | None = None) -> None:
    """Set the main stream, and the sub stream, from H.265 to H.264. Errors as of `change_keyframes`."""
    _Conversation(url, clock, record).set_codec()


def change_clock(url: str, clock: Clock, record: LoginRecord | None = None) -> None:
    """Set the camera's clock to this computer's, in UTC. Its time zone stays. Errors as of `change_keyframes`."""
    _Conversation(url, clock, record).set_clock()


@dataclass(frozen=True, slots=True)
class EncoderChoice:
    """What an encoder can be set to with one codec. sizes: widths and heights. rates: frames per second.

    fps: its least and greatest; quality: the same, in the camera's own numbers; (0, 0): not given.
    """

    codec: str
    sizes: tuple[tuple[int, int], ...]
    rates: tuple[float, ...] = ()
    fps: tuple[float, float] = (0.0, 0.0)
    quality: tuple[float, float] = (0.0, 0.0)


@dataclass(frozen=True, slots=True)
class EncoderSettings:
    """Of one stream. bit_rate: its limit, kbit/s; 0: not given. keyframe_s: distance of keyframes, s.

    quality: in the camera's own numbers; 0: not given. token: the camera's name of it; empty: the one of this size.
    """

    stream: Literal["main", "sub"]
    codec: str
    width: int
    height: int
    fps: float
    bit_rate: int
    keyframe_s: float
    quality: float = 0.0
    token: str = ""
    choices: tuple[EncoderChoice, ...] = ()


def read_encoders(url: str, clock: Clock, record: LoginRecord | None = None) -> list[EncoderSettings]:
    """Return how the camera encodes the chosen streams. Errors as of `ask_details`."""
    found: list[EncoderSettings] = []
    conversation = _Conversation(url, clock, record)

    def note(encoder: ET.Element, path: str, schema: str) -> bool:
        try:
            choices = _choices(conversation.options(encoder, path, schema))
        except (SourceRefused, SourceLoginWeaker, SourceUnreachable):
            raise
        except SourceError:  # it changes bit rate and keyframes all the same
            choices = ()
        found.append(replace(_encoder("sub", encoder), choices=choices))
        return False

    conversation.each_encoder(note)
    found.sort(key=lambda one: -one.width * one.height)
    return [replace(found[0], stream="main"), *found[1:]] if found else []


def change_encoder(url: str, clock: Clock, wanted: EncoderSettings, record: LoginRecord | None = None) -> None:
    """Set an encoder, and leave what is not in `wanted`. Errors as of `change_keyframes`.

    The encoder is the one of the token; without one, that of the resolution, of which neither it nor the codec changes.
    """

    def change(encoder: ET.Element, _path: str, schema: str) -> bool:
        if wanted.token and encoder.get("token") != wanted.token:
            return False
        if not wanted.token and (_side(encoder, "Width"), _side(encoder, "Height")) != (wanted.width, wanted.height):
            return False
        texts = {"BitrateLimit": wanted.bit_rate, "Quality": wanted.quality, "FrameRateLimit": wanted.fps}
        if wanted.token:
            texts |= {"Width": wanted.width, "Height": wanted.height}
            if _CODECS.get(text_at(encoder, "Encoding").upper()) != wanted.codec:
                _set_codec(encoder, wanted.codec)
        for name, value in texts.items():
            for element in find_elements(encoder, name) if value else ():
                element.text = f"{value:g}" if value < 1e5 else str(round(value))
        if wanted.keyframe_s:
            _space_keyframes(encoder, schema, wanted.keyframe_s)
        return True

    _Conversation(url, clock, record).each_encoder(change)


class _Conversation:
    def __init__(self, url: str, clock: Clock, record: LoginRecord | None) -> None:
        self._service, self._clock = OnvifService.of(url), clock
        self._client = SoapClient(self._service, clock, record)
        self._until_s = clock.mono_s() + DEADLINE_S
        self._ahead_ms = 0

    def set_keyframes(self) -> None:
        self.each_encoder(_far_keyframes)

    def set_codec(self) -> None:
        self.each_encoder(self._as_h264)

    def _as_h264(self, encoder: ET.Element, path: str, schema: str) -> bool:
        """Change an encoder to H.264, in the resolution of it that is nearest. Return False if it is H.264."""
        encoding = next(iter(find_elements(encoder, "Encoding")))
        if _CODECS.get((encoding.text or "").strip().upper()) != "h265":
            return False
        offered = self.options(encoder, path, schema)
        options = next((one for one in find_elements(offered, "Options") if text_at(one, "Encoding") == "H264"), None)
        if options is None:
            raise SourceError(self._service.public, "it offers no H.264 for this stream")
        sizes = [
            (int(_number(text_at(one, "Width"))), int(_number(text_at(one, "Height"))))
            for one in find_elements(options, "ResolutionsAvailable")[:_MOST_PROFILES]
        ]
        encoding.text = "H264"
        profiles = (options.get("ProfilesSupported") or "Main").split()
        if "Profile" in encoder.attrib and encoder.get("Profile") not in profiles:
            encoder.set("Profile", "Main" if "Main" in profiles else profiles[0])
        width, height = (next(iter(find_elements(encoder, side))) for side in ("Width", "Height"))
        pixels = _number(width.text or "") * _number(height.text or "")
        if sizes and (width.text, height.text) not in [(str(one), str(other)) for one, other in sizes]:
            best = min(sizes, key=lambda one: abs(one[0] * one[1] - pixels))
            width.text, height.text = map(str, best)
        return True

    def options(self, encoder: ET.Element, path: str, schema: str) -> ET.Element:
        """Return what the camera says an encoder can be set to."""
        token = f"<m:ConfigurationToken>{quoted(encoder.get('token', ''))}</m:ConfigurationToken>"
        name = "m:GetVideoEncoderConfigurationOptions"
        return self._ask(path, f'<{name} xmlns:m="{schema}">{token}</{name}>')

    def each_encoder(self, change: Callable[[ET.Element, str, str], bool]) -> None:
        """Change the encoders of the chosen streams, and send back those that `change` has changed."""
        self._compare_clocks()
        media, media2 = self._services()
        profiles, version2 = self._profiles(media, media2)
        path, schema = (media2, _MEDIA2) if version2 else (media, _MEDIA)
        listed = self._ask(
            path, f'<m:GetProfiles xmlns:m="{schema}">{"<m:Type>All</m:Type>" if version2 else ""}</m:GetProfiles>'
        )
        chosen = [one.token for one in choose(profiles) if one is not None]
        for profile in find_elements(listed, "Profiles")[:_MOST_PROFILES]:
            if profile.get("token") not in chosen:
                continue
            encoder = next(
                iter(find_elements(profile, "VideoEncoderConfiguration") + find_elements(profile, "VideoEncoder"))
            )
            if change(encoder, path, schema):
                self._set_encoder(path, schema, encoder)

    def _set_encoder(self, path: str, schema: str, encoder: ET.Element) -> None:
        """Send the encoder's configuration back; what was not changed in it is as it came."""
        inside = "".join(_written(one) for one in encoder)
        last = "" if schema == _MEDIA2 else "<m:ForcePersistence>true</m:ForcePersistence>"
        body = f"<m:Configuration{_attributes(encoder)}>{inside}</m:Configuration>{last}"
        name = "m:SetVideoEncoderConfiguration"
        self._ask(path, f'<{name} xmlns:m="{schema}" xmlns:t="{_SCHEMA}">{body}</{name}>')

    def set_clock(self) -> None:
        self._compare_clocks()
        now = datetime.fromtimestamp(self._clock.now_ms() / 1000, UTC)
        time = f"<t:Hour>{now.hour}</t:Hour><t:Minute>{now.minute}</t:Minute><t:Second>{now.second}</t:Second>"
        date = f"<t:Year>{now.year}</t:Year><t:Month>{now.month}</t:Month><t:Day>{now.day}</t:Day>"
        self._ask(
            self._service.path,
            f'<d:SetSystemDateAndTime xmlns:d="{_DEVICE}" xmlns:t="{_SCHEMA}"><d:DateTimeType>Manual</d:DateTimeType>'
            f"<d:DaylightSavings>false</d:DaylightSavings><d:UTCDateTime><t:Time>{time}</t:Time><t:Date>{date}</t:Date>"
            "</d:UTCDateTime></d:SetSystemDateAndTime>",
        )

    def _compare_clocks(self) -> None:
        """Ask for the camera's time, which a sign-in needs."""
        device = self._service.path
        answer = self._client.send(device, f'<d:GetSystemDateAndTime xmlns:d="{_DEVICE}"/>', 0, self._until_s)
        self._ahead_ms = camera_time_ms(answer, self._clock.now_ms()) - self._clock.now_ms()

    def run(self) -> OnvifDetails:
        device = self._service.path
        self._compare_clocks()
        about = self._ask(device, f'<d:GetDeviceInformation xmlns:d="{_DEVICE}"/>')
        media, media2 = self._services()
        profiles, version2 = self._profiles(media, media2)
        main, sub = choose(profiles)
        if main is None:
            offered = ", ".join(sorted({one.codec for one in profiles})) or "no streams"
            raise SourceUnusable(self._service.public, f"it offers {offered}")
        path = media2 if version2 else media
        return OnvifDetails(
            maker=device_label(text_at(about, "Manufacturer")), model=device_label(text_at(about, "Model")),
            serial=device_label(text_at(about, "SerialNumber")),
            firmware=device_label(text_at(about, "FirmwareVersion")),
            ahead_ms=self._ahead_ms,
            main=self._address(path, main, version2=version2),
            sub=self._address(path, sub, version2=version2) if sub else None,
        )  # fmt: skip

    def _ask(self, path: str, body: str) -> ET.Element:
        return self._client.send(path, body, self._clock.now_ms() + self._ahead_ms, self._until_s)

    def _services(self) -> tuple[str, str]:
        """Return the paths of Media and Media2; empty: the camera has none."""
        found: dict[str, str] = {}
        try:
            listed = self._ask(
                self._service.path,
                f'<d:GetServices xmlns:d="{_DEVICE}"><d:IncludeCapability>false</d:IncludeCapability></d:GetServices>',
            )
            for one in find_elements(listed, "Service")[:_MOST_PROFILES]:
                found.setdefault(text_at(one, "Namespace"), text_at(one, "XAddr"))
        except (SourceRefused, SourceLoginWeaker, SourceUnreachable):
            raise
        except SourceError:  # cameras of the first years know GetCapabilities only
            found = {}
        if not found.get(_MEDIA) and not found.get(_MEDIA2):
            can = self._ask(
                self._service.path,
                f'<d:GetCapabilities xmlns:d="{_DEVICE}"><d:Category>All</d:Category></d:GetCapabilities>',
            )
            found = {_MEDIA: text_at(can, "Media", "XAddr")}
        media, media2 = (self._client.path_at(place) if place else "" for place in map(found.get, (_MEDIA, _MEDIA2)))
        return media, media2

    def _profiles(self, media: str, media2: str) -> tuple[list[OnvifProfile], bool]:
        """Return the profiles and whether they are those of Media2, which alone lists H.265."""
        if media2:
            try:
                listed = self._ask(media2, f'<m:GetProfiles xmlns:m="{_MEDIA2}"><m:Type>All</m:Type></m:GetProfiles>')
                if found := _read_profiles(listed):
                    return found, True
            except (SourceRefused, SourceLoginWeaker, SourceUnreachable):
                raise
            except SourceError:
                if not media:
                    raise
        if not media:
            return [], False
        return _read_profiles(self._ask(media, f'<m:GetProfiles xmlns:m="{_MEDIA}"/>')), False

    def _address(self, path: str, profile: OnvifProfile, *, version2: bool) -> NetworkAddress:
        token = f"<m:ProfileToken>{quoted(profile.token)}</m:ProfileToken>"
        if version2:
            body = f'<m:GetStreamUri xmlns:m="{_MEDIA2}"><m:Protocol>RTSP</m:Protocol>{token}</m:GetStreamUri>'
        else:
            setup = (
                f'<m:StreamSetup><t:Stream xmlns:t="{_SCHEMA}">RTP-Unicast</t:Stream>'
                f'<t:Transport xmlns:t="{_SCHEMA}"><t:Protocol>RTSP</t:Protocol></t:Transport></m:StreamSetup>'
            )
            body = f'<m:GetStreamUri xmlns:m="{_MEDIA}">{setup}{token}</m:GetStreamUri>'
        return own_address(text_at(self._ask(path, body), "Uri"), self._service)


def own_address(text: str, service: OnvifService) -> NetworkAddress:
    """Return a stream address with the camera's own host and login. text: as the camera names it. Raises SourceError.

    Cameras behind a router name an address that can't be reached from outside; hostile ones name another host.
    """
    try:
        parts = urlsplit(text.strip())
        port = parts.port
    except ValueError:
        parts, port = urlsplit(""), None
    if parts.scheme not in ("rtsp", "rtsps"):
        raise SourceError(service.public, "it names no RTSP address for its stream")
    is_encrypted = parts.scheme == "rtsps"
    path = quote((parts.path or "/") + (f"?{parts.query}" if parts.query else ""), safe="/%!$&'()*+,;=:@?-._~[]|")
    return NetworkAddress(
        service.host, port or (ENCRYPTED_PORT if is_encrypted else DEFAULT_PORT), path, service.user, service.password,
        is_encrypted,
    )  # fmt: skip


def choose(profiles: Sequence[OnvifProfile]) -> tuple[OnvifProfile | None, OnvifProfile | None]:
    """Return the main and the sub stream: the largest of the first lens, and the smaller one nearest to 640 px."""
    usable = [one for one in profiles if one.codec in ("h264", "h265")]
    if not usable:
        return None, None
    lens = usable[0].lens
    ours = [one for one in usable if one.lens == lens]
    main = max(ours, key=lambda one: (one.width * one.height, one.fps))
    smaller = [one for one in ours if one.width * one.height < main.width * main.height]
    return main, min(smaller, key=lambda one: abs(one.width - _SUB_WIDTH), default=None)


def _far_keyframes(encoder: ET.Element, _path: str, schema: str) -> bool:
    _space_keyframes(encoder, schema, KEYFRAME_S)
    return True


def _space_keyframes(encoder: ET.Element, schema: str, distance_s: float) -> None:
    fps = _number(text_at(encoder, "RateControl", "FrameRateLimit")) or 15.0
    frames = str(max(1, round(fps * distance_s)))
    for below in find_elements(encoder, "GovLength"):
        below.text = frames
    if "GovLength" in encoder.attrib or schema == _MEDIA2:
        encoder.set("GovLength", frames)


def _encoder(stream: Literal["main", "sub"], encoder: ET.Element) -> EncoderSettings:
    codec = text_at(encoder, "Encoding")[:_MOST_CHARACTERS]
    fps = _number(text_at(encoder, "RateControl", "FrameRateLimit"))
    distance = _number(text_at(encoder, "GovLength") or encoder.get("GovLength", ""))
    return EncoderSettings(
        stream, _CODECS.get(codec.upper(), device_label(codec)), _side(encoder, "Width"), _side(encoder, "Height"), fps,
        int(_number(text_at(encoder, "RateControl", "BitrateLimit"))), distance / fps if fps else 0.0,
        _number(text_at(encoder, "Quality")), encoder.get("token", "")[:_MOST_TOKEN],
    )  # fmt: skip


def _set_codec(encoder: ET.Element, codec: str) -> None:
    """Change the codec. The profile is `Main`, which both have and every browser plays."""
    for element in find_elements(encoder, "Encoding"):
        element.text = codec.upper()
    if "Profile" in encoder.attrib:
        encoder.set("Profile", "Main")


def _choices(offered: ET.Element) -> tuple[EncoderChoice, ...]:
    """Return what can be recorded of what is offered: by Media2 a list, by Media one part of each codec."""
    found: dict[str, EncoderChoice] = {}
    for options in find_elements(offered, "Options")[:_MOST_PROFILES]:
        named = text_at(options, "Encoding")
        of_codec = find_elements(options, "H264")[:1]
        for name, part in [(named, options)] if named else [("H264", one) for one in of_codec]:
            codec = _CODECS.get(name.upper())
            sizes = [
                (int(_number(text_at(one, "Width"))), int(_number(text_at(one, "Height"))))
                for one in find_elements(part, "ResolutionsAvailable")[:_MOST_PROFILES]
            ]
            if codec is None or not sizes:
                continue
            rates = sorted({_number(one) for one in options.get("FrameRatesSupported", "").split()[:_MOST_PROFILES]})
            made = EncoderChoice(
                codec, tuple(dict.fromkeys(one for one in sizes if all(one))), tuple(one for one in rates if one),
                _span(part, "FrameRateRange"), _span(options, "QualityRange"),
            )  # fmt: skip
            found.setdefault(codec, made)
    return tuple(found.values())


def _span(options: ET.Element, name: str) -> tuple[float, float]:
    return _number(text_at(options, name, "Min")), _number(text_at(options, name, "Max"))


def _side(encoder: ET.Element, name: str) -> int:
    return int(_number(text_at(encoder, "Resolution", name)))


def _written(element: ET.Element) -> str:
    """Return an element of a camera's answer as it is sent back: all of them are of ONVIF's schema."""
    inside = "".join(_written(one) for one in element)
    return f"<t:{element.tag}{_attributes(element)}>{quoted((element.text or '').strip())}{inside}</t:{element.tag}>"


def _attributes(element: ET.Element) -> str:
    return "".join(f' {key}="{quoted(value)}"' for key, value in element.attrib.items())


def _read_profiles(answer: ET.Element) -> list[OnvifProfile]:
    found = [_profile(one) for one in find_elements(answer, "Profiles")[:_MOST_PROFILES]]
    return [one for one in found if one.codec and 0 < len(one.token) <= _MOST_TOKEN]


def _profile(one: ET.Element) -> OnvifProfile:
    encoders = find_elements(one, "VideoEncoderConfiguration") or find_elements(one, "VideoEncoder")
    if not encoders:
        return OnvifProfile("", "", 0, 0)
    encoder = encoders[0]
    codec = text_at(encoder, "Encoding")[:_MOST_CHARACTERS]
    fps = _number(text_at(encoder, "RateControl", "FrameRateLimit"))
    lens = next(iter(find_elements(one, "SourceToken")), None)
    return OnvifProfile(
        one.get("token", ""), _CODECS.get(codec.upper(), device_label(codec)),
        int(_number(text_at(encoder, "Resolution", "Width"))), int(_number(text_at(encoder, "Resolution", "Height"))),
        fps, lens=(lens.text or "").strip()[:_MOST_TOKEN] if lens is not None else "",
    )  # fmt: skip


def _number(text: str) -> float:
    """Return a number from 0 to 100,000; 0 for anything else."""
    try:
        number = float(text)
    except ValueError:
        return 0.0
    return number if 0 <= number <= 100_000 else 0.0
