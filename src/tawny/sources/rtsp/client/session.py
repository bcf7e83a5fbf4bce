"""Requests and state of one RTSP session. Bytes and values only, no sockets."""

import re
from typing import NamedTuple

from tawny.protocols.client_auth import ClientAuth
from tawny.protocols.login_history import LoginRecord
from tawny.protocols.rtsp_message import MalformedRtspResponse, RtspResponse, read_head, request
from tawny.sources.log_redaction import SecretFilter
from tawny.sources.rtsp.address import RtspAddress
from tawny.sources.rtsp.client.fault import ConversationFault
from tawny.sources.rtsp.client.transcript import Transcript

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
        answer = f"RTSP/1.0 {status}\r\nCSeq: {sequence}\r\n\r\n".encode()
        self.transcript.sent(answer)
        return answer
