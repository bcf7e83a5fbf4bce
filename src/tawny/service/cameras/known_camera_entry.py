"""A camera as an entry for the list of known cameras: what it is and what tawny needed to record it.

It holds no addresses, serial numbers, hardware addresses, names or passwords.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Final
from urllib.parse import quote, unquote, urlsplit

import tomlkit

from tawny import __version__
from tawny.config.settings import CameraSettings
from tawny.model.ids import StreamName
from tawny.model.times import Clock
from tawny.service.cameras.connection_settings import ProbeResult
from tawny.sources.discovery.known_cameras import FOLDER, SeenCamera, known_makers
from tawny.sources.discovery.onvif_details import OnvifDetails
from tawny.sources.network_address import LEFT_OUT, NetworkAddress, parse_network, scheme_of

_SHOWN: Final = ("transport", "client", "stall", "sound", "interval")
"""Settings of sources that say something of the camera and nothing of its owner."""
_PRIVATE: Final = re.compile(
    r"(?<![\w.])(?:10|127|169\.254|192\.168|172\.(?:1[6-9]|2\d|3[01]))(?:\.\d{1,3}){2,3}(?![\w.])"
    r"|(?<!\w)(?:[0-9A-F]{0,4}:){3,7}[0-9A-F]{0,4}(?!\w)"
    r"|(?<![\w:])(?:[0-9A-F]{1,4})?::[0-9A-F]{1,4}(?![\w:])"
    r"|(?<!\w)(?:[0-9A-F]{2}[:-]){5}[0-9A-F]{2}(?!\w)"
    r"|(?<![0-9A-Z])[0-9A-F]{12}(?![0-9A-Z])",
    re.IGNORECASE,
)
"""Addresses of private networks (others look like versions of a firmware), of IPv6, and of hardware."""
_LEAST: Final = 3
"""Shorter words are left: they would take letters out of everything."""
_UNKNOWN: Final = "(unknown: without ONVIF)"


def entry_text(
    camera: CameraSettings,
    details: OnvifDetails | None,
    found: Mapping[StreamName, ProbeResult],
    forgiven: Sequence[str],
    clock: Clock,
) -> str:
    """Return the entry as TOML. found: what the streams sent. forgiven: what tawny tolerated of the camera."""
    secrets = _secrets(camera, details)

    def public(text: str) -> str:
        return _without(text, secrets)

    places = {StreamName.MAIN: camera.source, StreamName.SUB: camera.sub}
    seen = SeenCamera(
        model=public(details.model) if details else "",
        firmware=public(details.firmware) if details else "",
        date=datetime.fromtimestamp(clock.now_ms() / 1000, UTC).date().isoformat(),
        tawny=__version__,
        main=public(_path(places[StreamName.MAIN])),
        sub=public(_path(places[StreamName.SUB])),
        streams="; ".join(f"{name.value}: {one.codec} {one.width}x{one.height}" for name, one in found.items()),
        settings=", ".join(_settings(camera)),
        forgiven=tuple(sorted({public(one) for one in forgiven})),
    )
    document = tomlkit.document()
    maker = public(details.maker) if details else ""
    for line in _heading(maker):
        document.add(tomlkit.comment(line))
    table = tomlkit.table()
    for key, value in asdict(seen).items():
        table[key] = list(value) if isinstance(value, tuple) else value
    rows = tomlkit.aot()
    rows.append(table)
    document["seen"] = rows
    return tomlkit.dumps(document)


def _heading(maker: str) -> list[str]:
    known = next((one for one in known_makers() if maker and one.maker and one.matches(maker)), None)
    files = sorted(path.name for path in FOLDER.glob("*.toml"))
    name = f"{known.maker.lower()}.toml" if known else ""
    place = f"src/tawny/sources/cameras/{name if name in files else '<maker>.toml'}"
    return [
        f"Maker: {maker or _UNKNOWN}. For {place}.",
        "Read it before you share it. `by`: a name if you want to be named; else leave it empty.",
    ]


def _path(address: str) -> str:
    """Return the path of a network camera, without credentials; empty for any other."""
    try:
        parsed = parse_network(address)
    except ValueError:
        return ""
    scheme, _, rest = parsed.public.partition("://")
    path = "/" + rest.partition("/")[2]
    return path if scheme == "rtsp" else f"{scheme}: {path}"


def _settings(camera: CameraSettings) -> Iterable[str]:
    scheme = scheme_of(camera.source).removesuffix("s")
    for key, value in camera.table(scheme).items():
        if key in _SHOWN:
            yield f"{scheme}.{key} = {value}"


def _secrets(camera: CameraSettings, details: OnvifDetails | None) -> list[str]:
    """Return the words that must not be shown, the longest first."""
    words = [camera.name, camera.serial, camera.mac, *((details.serial,) if details else ())]
    for text in (camera.source, camera.sub, camera.onvif):
        words += _words_of(text)
    found = {form for word in words if len(word) >= _LEAST for form in _forms(word)}
    return sorted(found, key=len, reverse=True)


def _forms(word: str) -> set[str]:
    """Return how a word may be written in paths and by cameras."""
    return {word, re.sub(r"[:-]", "", word), quote(word), quote(word, safe=""), quote(word, safe="&=+,;:@!$'()*")}


def _words_of(text: str) -> list[str]:
    if not text:
        return []
    try:
        address: NetworkAddress = parse_network(text)
    except ValueError:
        parts = urlsplit(text) if text.startswith(("http:", "https:")) else None
        return (
            [] if parts is None else [unquote(one) for one in (parts.username, parts.password, parts.hostname) if one]
        )
    return [address.host, address.user, address.password, *address.words_in_path]


def _without(text: str, secrets: Iterable[str]) -> str:
    for word in secrets:
        text = re.sub(re.escape(word), LEFT_OUT, text, flags=re.IGNORECASE)
    return _PRIVATE.sub(LEFT_OUT, text)
