"""RTSP request encoding and response parsing with size limits. No sockets."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

MOST_HEADER_BYTES = 16_000
MOST_BODY_BYTES = 64_000
_STATUS = re.compile(r"RTSP/\d\.\d\s+(\d{3})(?:\s+(.*))?")
_UNPRINTABLE = re.compile(r"[^\x20-\x7e]")


class MalformedRtspResponse(ValueError):
    """The received bytes are not a valid RTSP response within the limits; the message gives the reason."""


@dataclass(frozen=True, slots=True)
class RtspResponse:
    status: int
    reason: str
    """The camera's wording; printable ASCII, at most 60 characters."""
    headers: dict[str, list[str]]
    """By lowercase name; a name may occur more than once."""
    body_bytes: int

    def header(self, name: str) -> str:
        return self.headers.get(name, [""])[0]

    @property
    def says(self) -> str:
        return f"{self.status} {self.reason}".strip()


def request(method: str, url: str, sequence: int, headers: Iterable[tuple[str, str]] = ()) -> bytes:
    """Encode a request without a body. Headers with empty values are omitted."""
    lines = [f"{method} {url} RTSP/1.0", f"CSeq: {sequence}", "User-Agent: tawny"]
    lines += [f"{name}: {value}" for name, value in headers if value]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


def read_head(head: bytes) -> RtspResponse:
    """Parse the status line and headers, without the terminating empty line. Raises MalformedRtspResponse."""
    lines = head.decode("utf-8", "replace").replace("\r\n", "\n").split("\n")
    found = _STATUS.match(lines[0].strip())
    if not found:
        raise MalformedRtspResponse("it does not speak RTSP")
    headers: dict[str, list[str]] = {}
    for line in lines[1:]:
        name, colon, value = line.partition(":")
        if colon:
            headers.setdefault(name.strip().lower(), []).append(value.strip())
    reason = _UNPRINTABLE.sub("", found[2] or "").strip()[:60]
    return RtspResponse(int(found[1]), reason, headers, _length(headers.get("content-length", ["0"])[0]))


def _length(text: str) -> int:
    if not (text.isascii() and text.isdigit()):
        raise MalformedRtspResponse("its answer has no proper length")
    if len(text) > 9 or int(text) > MOST_BODY_BYTES:
        raise MalformedRtspResponse(f"its answer is longer than {MOST_BODY_BYTES} bytes")
    return int(text)
