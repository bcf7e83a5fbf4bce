"""URLs of a camera's streams, from what it says of them. Host, port and login are ours, whatever it names."""

import re

from tawny.sources.rtsp.address import RtspAddress

_ABSOLUTE = re.compile(r"(?:rtsps?://)+(?:[^/?@]*@)?(?P<place>[^/?]*)(?P<path>.*)", re.IGNORECASE)
_UNFIT = re.compile(r"[\x00-\x20\x7f]")


def base_url(address: RtspAddress, content_base: str, control: str) -> str:
    """What stands before the tracks' names. content_base: the header, if any; control: the session's own."""
    found = _ABSOLUTE.match(content_base.strip())
    base = _ours(address, found["path"]) if found and found["path"] else address.url
    if control in ("", "*") or control.startswith("/"):
        return base
    return track_url(address, base, control)


def track_url(address: RtspAddress, base: str, control: str) -> str:
    """A track's: appended as cameras mean it, not as RFC 3986 says; of an absolute one only the path."""
    control = _UNFIT.sub("", control)
    if control in ("", "*"):
        return base
    found = _ABSOLUTE.match(control)
    if found:
        return _ours(address, found["path"] or "/")
    return base + ("" if base.endswith("/") or control.startswith("/") else "/") + control


def _ours(address: RtspAddress, path: str) -> str:
    path = _UNFIT.sub("", path)
    return address.url.removesuffix(address.path) + (path if path.startswith("/") else f"/{path}")
