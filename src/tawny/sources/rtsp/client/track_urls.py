"""Track URLs from a camera's SDP. Host, port and credentials always come from the configured address."""

import re

from tawny.sources.rtsp.address import RtspAddress

_ABSOLUTE = re.compile(r"(?:rtsps?://)+(?:[^/?@]*@)?(?P<place>[^/?]*)(?P<path>.*)", re.IGNORECASE)
_UNFIT = re.compile(r"[\x00-\x20\x7f]")


def base_url(address: RtspAddress, content_base: str, control: str) -> str:
    """Return the base URL of the tracks. content_base: the header, or empty; control: session-level `a=control`."""
    found = _ABSOLUTE.match(content_base.strip())
    base = _ours(address, found["path"]) if found and found["path"] else address.url
    if control in ("", "*") or control.startswith("/"):
        return base
    return track_url(address, base, control)


def track_url(address: RtspAddress, base: str, control: str) -> str:
    """Return a track's URL: appended as cameras expect, not per RFC 3986. Of an absolute URL only the path is used."""
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
