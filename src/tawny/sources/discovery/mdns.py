"""Cameras in the local network that announce themselves by mDNS (RFC 6762), read with the library zeroconf."""

import logging
import re
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from tawny.model.validation import device_label
from tawny.sources.discovery.found_camera import FoundCamera

if TYPE_CHECKING:
    from zeroconf import ServiceInfo, Zeroconf

SERVICES: Final = {
    "_rtsp._tcp.local.": "rtsp",
    "_axis-video._tcp.local.": "Axis",
    "_onvif._tcp.local.": "onvif",
    "_tawny._tcp.local.": "tawny",
}
"""What is looked for, and what it says: the kind of service, or the maker."""
_DETAILS_MS, _MOST_ANSWERS = 1_500, 500


def _without_traceback(record: logging.LogRecord) -> bool:
    record.exc_info = None  # the message names the error
    return True


logging.getLogger("zeroconf").addFilter(_without_traceback)


def search(interfaces: Sequence[str], timeout_s: float, found: Callable[[FoundCamera], None]) -> None:
    """Ask on each interface and report each service once. Blocks for timeout_s."""
    from zeroconf import ServiceBrowser, ServiceListener, Zeroconf  # late: 15 MB that a recorder does not need

    if not interfaces:
        return

    class Listener(ServiceListener):
        def __init__(self) -> None:
            self.known: set[tuple[str, str]] = set()

        def add_service(self, zc: "Zeroconf", type_: str, name: str) -> None:
            if (type_, name) in self.known or len(self.known) >= _MOST_ANSWERS:
                return
            self.known.add((type_, name))
            info = zc.get_service_info(type_, name, timeout=_DETAILS_MS)
            if info is not None and (answer := _answer(info, type_)) is not None:
                found(answer)

        def update_service(self, zc: "Zeroconf", type_: str, name: str) -> None:
            self.add_service(zc, type_, name)

        def remove_service(self, zc: "Zeroconf", type_: str, name: str) -> None:
            """Nothing: a camera that leaves while the search runs stays listed."""

    try:
        asking = Zeroconf(interfaces=list(interfaces))
    except OSError:  # no network, or no multicast
        return
    try:
        with suppress(OSError):
            ServiceBrowser(asking, list(SERVICES), Listener())
            threading.Event().wait(timeout_s)
    finally:
        asking.close()


def _answer(info: "ServiceInfo", type_: str) -> FoundCamera | None:
    addresses = info.parsed_addresses()
    host = next((one for one in addresses if ":" not in one), next(iter(addresses), ""))
    if not host or not info.port:
        return None
    texts = {key.decode("utf-8", "replace").lower(): value for key, value in info.properties.items()}
    kind, path = SERVICES[type_], _text(texts.get("path"))
    is_rtsp = kind == "rtsp"
    return FoundCamera(
        host,
        "tawny" if kind == "tawny" else "network",
        _text(info.name.removesuffix(f".{type_}")),
        maker="" if kind in ("rtsp", "onvif", "tawny") else kind,
        identity=_text(texts.get("macaddress") or texts.get("mac")).lower(),
        rtsp_port=info.port if is_rtsp else 0,
        path=path if is_rtsp and is_path(path) else "",
        ways=frozenset({"mdns"}),
    )


def is_path(text: str) -> bool:
    """Return whether a text of a device can be part of a request: visible ASCII without spaces."""
    return re.fullmatch(r"[!-~]{0,200}", text) is not None


def _text(value: bytes | str | None) -> str:
    text = value.decode("utf-8", "replace") if isinstance(value, bytes) else value or ""
    return device_label(text)
