"""RTSP over TCP: a non-blocking socket with optional TLS, and the parser of what arrives on it.

Threads: host names are resolved in a short-lived thread, because the system offers no asynchronous resolver. All other
work happens in the thread that calls `step`.
"""

import hashlib
import re
import socket
import ssl
from collections.abc import Callable
from errno import EALREADY, EINPROGRESS
from typing import Any

from tawny.engine.actor import start_thread
from tawny.protocols.rtsp_message import MOST_BODY_BYTES, MOST_HEADER_BYTES
from tawny.sources.network_address import NetworkAddress
from tawny.sources.rtsp.client.rtp_receiver import RtpReceiver
from tawny.sources.rtsp.client.transcript import ConversationFault

_Found = list[tuple[socket.AddressFamily, Any]]


MAX_UNSENT_BYTES = 1_000_000
"""Two-way audio needs 17 kB per second."""
_WASTE = bytearray(1 << 16)
"""What all sockets read while they close, never used: closing must not need memory."""


class TcpSocket:
    """Starts connecting on creation. fingerprint: SHA-256 of the only accepted certificate, hexadecimal.

    Without a fingerprint, the certificate must be signed by a CA that the system trusts.
    """

    def __init__(self, address: NetworkAddress, fingerprint: str = "") -> None:
        self._address, self._fingerprint = address, fingerprint
        self._lookup = _Lookup(address.host, address.port)
        self._found: _Found | None = None
        self._socket: socket.socket | None = None
        self._is_connected = self._is_open = False
        self.unsent = bytearray()
        self._why = "no response"

    @property
    def peer(self) -> str:
        """The camera's IP address, once connected."""
        return str(self._open_socket.getpeername()[0])

    @property
    def local(self) -> tuple[socket.AddressFamily, str]:
        """Family and local IP address, once connected."""
        return self._open_socket.family, str(self._open_socket.getsockname()[0])

    @property
    def is_resolved(self) -> bool:
        """The addresses of the camera's name are known."""
        return self._found is not None

    @property
    def is_encrypted(self) -> bool:
        return isinstance(self._socket, ssl.SSLSocket)

    def fileno(self) -> int:
        """File descriptor for `select`."""
        return self._open_socket.fileno()

    def step(self) -> bool:
        """Continue connecting without blocking. Return True once open. Raises ConversationFault on failure."""
        if self._is_open:
            return True
        if self._found is None:
            self._found = self._lookup.found()
            if self._found is None:
                return False
        if not self._is_connected and not self._connect(self._found):
            return False
        self._is_open = self._encrypt() if self._address.is_encrypted else True
        return self._is_open

    def receive_into(self, view: memoryview) -> int | None:
        """Receive available data. Return the byte count, 0 at the end, None if no data is available.

        Raises ConversationFault if the connection broke.
        """
        if len(self.unsent) > MAX_UNSENT_BYTES:
            raise ConversationFault("reset", "it doesn't read what is sent to it")
        try:
            return self._open_socket.recv_into(view)
        except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
            return None
        except (ssl.SSLEOFError, ssl.SSLZeroReturnError):
            return 0
        except OSError as error:
            raise ConversationFault("reset", in_words(error)) from error

    def send(self, data: bytes) -> None:
        """Send now or buffer. Errors are reported by `receive_into`."""
        if len(self.unsent) > MAX_UNSENT_BYTES:  # it sends requests but reads no replies
            return
        self.unsent += data
        try:
            while self.unsent:
                del self.unsent[: self._open_socket.send(self.unsent)]
        except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
            return
        except OSError:
            self.unsent.clear()

    def close(self) -> None:
        """Close after reading pending data, so that the peer receives all sent data and FIN instead of RST."""
        self._lookup.is_wanted = False
        if self._socket is None:
            return
        try:
            for _ in range(100):
                if not self._is_open or not self._socket.recv_into(_WASTE):
                    break
        except OSError:  # no more data
            pass
        self._socket.close()
        self._socket = None

    @property
    def _open_socket(self) -> socket.socket:
        assert self._socket is not None, "it is open"
        return self._socket

    def _connect(self, found: _Found) -> bool:
        """Try the resolved addresses one after the other."""
        while True:
            if self._socket is None:
                if not found:
                    raise ConversationFault("unreachable", self._why)
                family, place = found.pop(0)
                self._socket = socket.socket(family, socket.SOCK_STREAM)
                self._socket.settimeout(0)
                self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                self._place = place
            error = self._socket.connect_ex(self._place)
            if error == 0:
                self._is_connected = True
                return True
            if error in (EINPROGRESS, EALREADY):
                return False
            self._why = in_words(OSError(error, ""))
            self._socket.close()
            self._socket = None

    def _encrypt(self) -> bool:
        """Continue the TLS handshake. Return True when complete."""
        try:
            if not isinstance(self._socket, ssl.SSLSocket):
                self._socket = _context(self._fingerprint).wrap_socket(
                    self._open_socket, server_hostname=self._address.host, do_handshake_on_connect=False
                )
            self._socket.do_handshake()
        except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
            return False
        except ssl.SSLCertVerificationError as error:
            raise ConversationFault("certificate", f"its certificate isn't trusted ({error.verify_message})") from error
        except OSError as error:
            raise ConversationFault("unreachable", f"encryption couldn't be set up: {in_words(error)}") from error
        self._check(self._socket.getpeercert(binary_form=True) or b"")
        return True

    def _check(self, certificate: bytes) -> None:
        found = hashlib.sha256(certificate).hexdigest()
        if self._fingerprint and found != self._fingerprint:
            raise ConversationFault("certificate", f"its certificate has changed: the fingerprint is {found}")


class _Lookup:
    """Name resolution, in a thread if `host` is no IP address."""

    def __init__(self, host: str, port: int) -> None:
        self.is_wanted = True
        self._host, self._port = host, port
        self._result: _Found | ConversationFault | None = None
        if _is_address(host):
            self._run()
        else:
            start_thread("lookup", self._run)

    def found(self) -> _Found | None:
        """Return the addresses; None while resolving. Raises ConversationFault on failure."""
        if isinstance(self._result, ConversationFault):
            raise self._result
        return self._result

    def _run(self) -> None:
        try:
            found = socket.getaddrinfo(self._host, self._port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError):  # the latter of a label that is empty or too long
            self._result = ConversationFault("lookup", "unknown host name")
        else:
            self._result = [(family, place) for family, _, _, _, place in found]


def _is_address(host: str) -> bool:
    for family in (socket.AF_INET, socket.AF_INET6):
        try:
            socket.inet_pton(family, host)
        except OSError:
            continue
        return True
    return False


def _context(fingerprint: str) -> ssl.SSLContext:
    context = ssl.create_default_context()
    if fingerprint:  # the fingerprint replaces CA verification
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def in_words(error: OSError) -> str:
    """Describe a network error without the system's text, which may contain the address."""
    if isinstance(error, ConnectionRefusedError):
        return "connection refused"
    if isinstance(error, ConnectionResetError | BrokenPipeError):
        return "the connection was reset"
    if isinstance(error, TimeoutError):
        return "it stopped responding"
    return (error.strerror or "network error").lower()


# Parser for an interleaved RTSP connection (RFC 2326, 10.12): packets, messages, and invalid data. Works in place in
# the receive buffer: only messages, RTCP packets and frame data are copied.

MOST_RUBBISH_BYTES = 100_000
MAX_SEARCHED_BYTES = 40 * MOST_RUBBISH_BYTES
"""Rubbish with an undecided packet is searched again with each arrival: this limits a camera that sends it byte by
byte."""
_LOOK_BYTES = 16
"""A look at one `$` costs about as much as searching this many other bytes."""
MAX_MESSAGES = 100
"""RTSP messages of one arrival; a camera sends a few a minute."""
_DOLLAR, _LINE_ENDS = 0x24, b"\r\n"
_FRAME_BYTES, _RTP_BYTES = 4, 12
_USUAL_BYTES = 2000
_REPORTS = range(200, 205)
_MOST_LEFT_BYTES = 64
"""Maximum number of stray bytes that count as the remainder of the previous packet."""
_HABIT = 3
"""After this many consecutive frames, stray bytes behind a frame no longer count as frame data."""
_MESSAGE = re.compile(rb"RTSP/|(?:OPTIONS|GET_PARAMETER|SET_PARAMETER|ANNOUNCE|REDIRECT|TEARDOWN|PLAY_NOTIFY) ")
_LONGEST_START = 14
_LENGTH = re.compile(rb"^[ \t]*content-length[ \t]*:[ \t]*(\d{1,20})[ \t\r]*$", re.IGNORECASE | re.MULTILINE)


class InterleavedReader:
    """Incremental parser. report: receives RTCP of a track. message: receives a complete RTSP message.

    Both callbacks and the RTP receivers may raise ConversationFault.
    """

    def __init__(self, report: Callable[[int, bytes], None], message: Callable[[bytes], None]) -> None:
        self._report, self._message = report, message
        self._receivers: dict[int, RtpReceiver] = {}
        self._spoke = False
        self._pictures = self._odd_picture = 0  # frames ended by a marker; the last one followed by stray bytes
        self._in_a_row = self._messages = self._searched_bytes = 0
        self._rejected_bytes = 0
        """Beginning of the rubbish at which the last arrival ended, in which no packet begins."""
        self._known_garbage = (0, 0)
        """Where this arrival begins, and how many bytes there are known rubbish."""
        self.rubbish_bytes = 0
        """Number of invalid bytes skipped."""
        self.unasked = 0
        """Number of packets on channels without a track."""

    def add(self, channel: int, receiver: RtpReceiver) -> None:
        """Register a track: RTP on this channel, RTCP on the next."""
        self._receivers[channel] = receiver
        self._rejected_bytes, self._known_garbage = 0, (0, 0)

    def feed(self, buffer: bytearray, view: memoryview, at: int, end: int) -> int:
        """Parse buffer[at:end]. Return the offset of the first incomplete packet or message.

        view: memoryview of the whole buffer.
        """
        receivers, self._messages = self._receivers, 0
        self._known_garbage, self._rejected_bytes = (at, self._rejected_bytes), 0
        while end - at >= _FRAME_BYTES:
            if buffer[at] != _DOLLAR:
                after = self._no_packet(buffer, at, end)
                if after < 0:
                    break
                at = after
                continue
            channel = buffer[at + 1]
            begin = at + _FRAME_BYTES
            stop = begin + (buffer[at + 2] << 8 | buffer[at + 3])
            receiver = receivers.get(channel)
            if receiver is not None:
                if stop > end:
                    break
                if stop - begin >= _RTP_BYTES and buffer[begin + 1] > 127:
                    self._pictures += 1
                    if stop < end and not self._begins(buffer, stop, end):
                        stop = self._true_end(receiver, buffer, begin, stop, end)
                receiver.packet(view, begin, stop)
                at = receiver.run(view, stop, end, channel)
            elif channel - 1 in receivers:
                if stop > end:
                    break
                self._report(channel - 1, bytes(view[begin:stop]))
                at = stop
            else:
                after = self._on_unknown_channel(buffer, at, stop, end)
                if after < 0:
                    break
                at = after
        return at

    def _on_unknown_channel(self, buffer: bytearray, at: int, stop: int, end: int) -> int:
        """Handle a packet on an unknown channel, or garbage that resembles one.

        Return the next offset; -1: more data needed.
        """
        if stop < end and not self._may_begin(buffer, stop, end):
            return self._skip_garbage(buffer, at, end)
        if stop > end:
            return self._skip_garbage(buffer, at, end) if self._receivers else -1
        self.unasked += 1
        return stop

    def _may_begin(self, buffer: bytearray, at: int, end: int) -> bool:
        """Return whether a packet or message may begin here, judging by the bytes available."""
        return buffer[at] in b"$\r\n" or self._is_message(buffer, at, end)

    def _is_message(self, buffer: bytearray, at: int, end: int) -> bool:
        return _MESSAGE.match(buffer, at, end) is not None

    def _no_packet(self, buffer: bytearray, at: int, end: int) -> int:
        """Handle bytes that are no packet. Return the next offset; -1: more data needed."""
        if buffer[at] in _LINE_ENDS:
            return at + 1
        if self._is_message(buffer, at, end):
            return self._take_message(buffer, at, end)
        if end - at < _LONGEST_START:
            return -1
        if not self._spoke and not self._receivers:
            raise ConversationFault("not-rtsp", "it doesn't speak RTSP")
        return self._skip_garbage(buffer, at, end)

    def _take_message(self, buffer: bytearray, at: int, end: int) -> int:
        head_end, body = _end_of_head(buffer, at, end)
        if head_end < 0 or head_end - at > MOST_HEADER_BYTES:
            if end - at > MOST_HEADER_BYTES:
                raise ConversationFault(
                    "header-too-long", f"its answer has more than {MOST_HEADER_BYTES} bytes of header"
                )
            return -1
        found = _LENGTH.search(buffer, at, head_end)
        size = int(found[1]) if found else 0
        if size > MOST_BODY_BYTES:
            raise ConversationFault("body-too-long", f"its answer is longer than {MOST_BODY_BYTES} bytes")
        if body + size > end:
            return -1
        self._spoke = True
        self._messages += 1
        if self._messages > MAX_MESSAGES:
            raise ConversationFault("framing", f"more than {MAX_MESSAGES} RTSP messages at once")
        self._message(bytes(buffer[at : body + size]))
        return body + size

    def _true_end(self, receiver: RtpReceiver, buffer: bytearray, begin: int, stop: int, end: int) -> int:
        """Return the true end of a frame's last packet followed by unexpected bytes: its length field may be wrong.

        If the length is too large, the next packet begins inside; if too small, a few bytes remain.
        """
        if self._is_nothing_stray(buffer, stop, end):
            return stop
        inside = self._another_inside(buffer, begin, stop, end)
        if inside >= 0:
            return inside
        if self._stray_bytes(buffer, stop, end) <= _MOST_LEFT_BYTES:
            self._in_a_row = self._in_a_row + 1 if self._pictures == self._odd_picture + 1 else 1
            if self._in_a_row <= _HABIT:
                receiver.spoilt()
            self._odd_picture = self._pictures
        return stop

    def _begins(self, buffer: bytearray, at: int, end: int) -> bool:
        """Return whether a packet begins here, as far as the received bytes tell. Stray bytes may begin with `$`."""
        if buffer[at] != _DOLLAR or end - at < _FRAME_BYTES + 1 or self._fits(buffer, at):
            return buffer[at] == _DOLLAR
        after = at + _FRAME_BYTES + (buffer[at + 2] << 8 | buffer[at + 3])
        return after == end or (after < end and self._may_begin(buffer, after, end))

    def _is_nothing_stray(self, buffer: bytearray, at: int, end: int) -> bool:
        """Return whether a message begins here, or line ends and then a packet or a message.

        Stray bytes may begin with a line end.
        """
        while at < end and buffer[at] in _LINE_ENDS:
            at += 1
        return at == end or self._begins(buffer, at, end) or self._is_message(buffer, at, end)

    def _stray_bytes(self, buffer: bytearray, at: int, end: int) -> int:
        """Return how many bytes are before the first place where a packet may begin, up to one too many.

        The packet there may not be whole yet, and its own length may be wrong: it is not asked for a second one.
        """
        found, searched = at, min(end, at + _MOST_LEFT_BYTES + 1)
        while (found := buffer.find(b"$", found, searched)) >= 0:
            if end - found < _FRAME_BYTES + 1 or self._fits(buffer, found):
                return found - at
            found += 1
        return searched - at

    def _another_inside(self, buffer: bytearray, begin: int, stop: int, end: int) -> int:
        """Return the offset of another packet inside this one; -1 if none.

        It must have the next sequence number, be an RTCP packet, or match the packet behind it.
        """
        channel, number = buffer[begin - _FRAME_BYTES + 1], ((buffer[begin + 2] << 8 | buffer[begin + 3]) + 1) & 0xFFFF
        source = buffer[begin + 8 : begin + _RTP_BYTES]
        at = begin + _RTP_BYTES
        while (at := buffer.find(b"$", at, stop)) >= 0 and end - at >= _FRAME_BYTES + _RTP_BYTES:
            head = at + _FRAME_BYTES
            if self._fits(buffer, at):
                is_next = buffer[at + 1] == channel and buffer[head + 8 : head + _RTP_BYTES] == source
                if is_next and (buffer[head + 2] << 8 | buffer[head + 3]) == number:
                    return at
                if buffer[at + 1] == channel + 1 and buffer[head + 1] in _REPORTS:
                    return at
            at += 1
        inside, _ = self._next_pair(buffer, begin + _RTP_BYTES, end)
        return inside if inside < stop else -1

    def _skip_garbage(self, buffer: bytearray, at: int, end: int) -> int:
        """Skip garbage up to two consistent packets or a message. Return that offset; -1: not received yet."""
        for receiver in self._receivers.values():
            receiver.doubt()
        place, known_bytes = self._known_garbage
        begin = at + max(1, known_bytes if at == place else 0)
        found, undecided = self._next_pair(buffer, begin, end)
        if found >= 0:
            self.rubbish_bytes += found - at
            self._searched_bytes = 0
            return found
        self._searched_bytes += end - begin + _LOOK_BYTES * buffer.count(b"$", begin, end)
        self._rejected_bytes = undecided - at
        if end - at > MOST_RUBBISH_BYTES or self._searched_bytes > MAX_SEARCHED_BYTES:
            raise ConversationFault("framing", f"{MOST_RUBBISH_BYTES} bytes without a valid packet")
        return -1

    def _next_pair(self, buffer: bytearray, at: int, end: int) -> tuple[int, int]:
        """Return the offset of two consistent packets, or of a packet and a message; -1 if not received yet.

        Then the second value is the first offset at which one may still begin, once more is received.
        """
        found, undecided = at, -1
        while True:
            found = buffer.find(b"$", found, end)
            if found < 0 or end - found < _FRAME_BYTES + _RTP_BYTES:
                last = found if found >= 0 else end
                return -1, undecided if undecided >= 0 else last
            if self._fits(buffer, found):
                after = found + _FRAME_BYTES + (buffer[found + 2] << 8 | buffer[found + 3])
                if after + _FRAME_BYTES + 1 > end:
                    if after - found < _USUAL_BYTES:  # the second is not received yet
                        return -1, undecided if undecided >= 0 else found
                elif (buffer[after] == _DOLLAR and self._fits(buffer, after)) or self._is_message(buffer, after, end):
                    return found, found
                if undecided < 0 and after + _LONGEST_START > end:
                    undecided = found
            found += 1

    def _fits(self, buffer: bytearray, at: int) -> bool:
        """Return whether `$` here may start a packet of a known channel."""
        channel = buffer[at + 1]
        return (channel in self._receivers or channel - 1 in self._receivers) and buffer[at + 4] >> 6 == 2


def _end_of_head(buffer: bytearray, at: int, end: int) -> tuple[int, int]:
    """Return the end of a message's header and the start of its body; negative if incomplete."""
    ends = [(found, found + len(mark)) for mark in (b"\r\n\r\n", b"\n\n") if (found := buffer.find(mark, at, end)) >= 0]
    return min(ends, default=(-1, -1))
