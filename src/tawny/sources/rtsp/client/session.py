"""Requests and state of one RTSP session. Bytes and values only, no sockets."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from tawny.protocols.digest_auth import ClientAuth
from tawny.protocols.login_history import LoginRecord
from tawny.protocols.rtsp_message import MalformedRtspResponse, RtspResponse, encode, read_head, request
from tawny.sources.rtsp.address import RtspAddress, SecretFilter
from tawny.sources.rtsp.client.transcript import FORM, ConversationFault, Reason, Transcript

USUAL_TIMEOUT_S, LEAST_TIMEOUT_S = 60, 4
MOST_PAUSE_S = 25.0
_TIMEOUT = re.compile(r"timeout\s*=\s*(\d{1,5})", re.IGNORECASE)
_SEQUENCE = re.compile(rb"^cseq[ \t]*:[ \t]*(\d{1,9})", re.IGNORECASE | re.MULTILINE)


class CameraReply(NamedTuple):
    """A camera's response to a request."""

    answer: RtspResponse
    body: bytes


def read_reply(raw: bytes) -> CameraReply:
    """Parse a response. Raises ConversationFault if it is invalid."""
    head, mark, body = raw.partition(b"\r\n\r\n")
    if not mark:
        head, _, body = raw.partition(b"\n\n")
    try:
        return CameraReply(read_head(head), body)
    except MalformedRtspResponse as error:
        raise ConversationFault("not-rtsp", str(error)) from error


class ClientSession:
    """State of one session; the handshake fills in what it learns. record: what sign-in the camera offered before."""

    def __init__(self, address: RtspAddress, record: LoginRecord | None = None) -> None:
        self.address = address
        self.login = ClientAuth(address.user, address.password, record)
        self.secrets = SecretFilter.of(address)
        self.transcript = Transcript(self.secrets)
        self.play_url = address.url
        self.session = ""
        self.require = ""
        """`Require` value for DESCRIBE, SETUP and PLAY; empty for none."""
        self.timeout_s = USUAL_TIMEOUT_S
        self.methods: frozenset[str] = frozenset()
        """Methods that the camera supports according to its OPTIONS reply."""
        self.last_status = ""
        """Status of the last response, redacted."""
        self._sequence = 0

    @property
    def pause_s(self) -> float:
        """Keep-alive interval, in seconds."""
        return min(self.timeout_s / 2, MOST_PAUSE_S)

    def request(self, method: str, url: str, *headers: tuple[str, str]) -> bytes:
        """Build the next request, with authentication if the camera has demanded it."""
        self._sequence += 1
        login = ("Authorization", self.login.header(method, url))
        required = ("Require", self.require if method in ("DESCRIBE", "SETUP", "PLAY") else "")
        made = request(method, url, self._sequence, (login, ("Session", self.session), required, *headers))
        self.transcript.sent(made)
        return made

    def note(self, answer: RtspResponse) -> None:
        """Store the response's status as the last one."""
        self.last_status = self.secrets.hide(answer.says)

    def keep_alive(self) -> bytes:
        """Build a keep-alive request. Its response does not matter."""
        return self.request("GET_PARAMETER" if "GET_PARAMETER" in self.methods else "OPTIONS", self.play_url)

    def teardown(self) -> bytes:
        return self.request("TEARDOWN", self.play_url)

    def learn_session(self, answer: RtspResponse) -> None:
        """Process the Session header of a SETUP or PLAY reply: the first id and the newest timeout apply."""
        name, _, rest = answer.header("session").partition(";")
        if not name.strip() and not self.session:
            self.transcript.forgive("it sent no session ID")
        elif self.session and name.strip() not in ("", self.session):
            self.transcript.forgive("its session ID changed")
        self.session = self.session or name.strip()
        found = _TIMEOUT.search(rest)
        if found and int(found[1]) > 0:
            self.timeout_s = max(LEAST_TIMEOUT_S, int(found[1]))

    def heard(self, raw: bytes) -> bytes:
        """Process a message during playback. Return the data to send, usually empty.

        Raises ConversationFault if the session has ended.
        """
        if not raw.startswith(b"RTSP/"):
            return self.obeyed(raw)
        answer = read_reply(raw).answer
        self.note(answer)
        if answer.status == 454:
            raise ConversationFault("session", "it no longer knows this session")
        if answer.status == 401 and self.login.challenged(answer.headers.get("www-authenticate", [])):
            return self.keep_alive()
        return b""

    def obeyed(self, raw: bytes) -> bytes:
        """Build the response to a camera's request."""
        found = _SEQUENCE.search(raw)
        sequence = found[1].decode() if found else "0"
        status = "200 OK" if raw.startswith(b"OPTIONS ") else "501 Not Implemented"
        answer = encode(f"RTSP/1.0 {status}", [("CSeq", sequence)])
        self.transcript.sent(answer)
        return answer


# Knowledge about a stream from earlier connections: compatibility with the built-in client, keep-alive interval.

_MOST_FAILURES = 3
_STEADY_S, _MOST_AGE_S, _LEAST_PAUSE_S = 2.0, 300.0, 2.0


@dataclass(slots=True)
class StreamMemory:
    """Held by the source, updated by its connections."""

    login: LoginRecord | None = None
    """What sign-in the camera offered before."""

    pause_s: float = MOST_PAUSE_S
    """Maximum keep-alive interval, in seconds."""
    transcript: Transcript | None = None
    """Transcript of the newest connection."""
    counted: Callable[[], Mapping[str, Any]] = dict
    """Returns the counters of the newest connection."""
    _failures: int = 0
    _age_s: float = 0.0

    @property
    def wants_another_client(self) -> bool:
        """The built-in client has repeatedly failed on this camera's data format."""
        return self._failures >= _MOST_FAILURES

    def over(self, reason: Reason, age_s: float, *, had_pictures: bool) -> None:
        """Record the end of a connection. age_s: playing time, in seconds."""
        if had_pictures:
            self._failures = 0
        elif reason in FORM:
            self._failures += 1
        if reason in ("closed", "reset", "session") and had_pictures and age_s < _MOST_AGE_S:
            if abs(age_s - self._age_s) < _STEADY_S:  # same age again: keep-alive interval too long
                self.pause_s = max(_LEAST_PAUSE_S, min(self.pause_s, age_s) / 2)
            self._age_s = age_s

    def other_failed(self) -> None:
        """Record that FFmpeg failed, too: the built-in client is tried again."""
        self._failures = 0
