"""Streams that programs hand over: through a UNIX socket, by their standard output, or as MPEG-TS in UDP datagrams."""

import errno
import ipaddress
import os
import pwd
import re
import signal
import socket
import struct
import subprocess
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any, ClassVar, Final

from tawny.engine.descriptors import wait_readable
from tawny.model.errors import (
    NoSuchDevice,
    SourceClosed,
    SourceError,
    SourceStalled,
    SourceUnreachable,
    SourceUnusable,
)
from tawny.model.validation import value_text
from tawny.protocols.rtp import read_header
from tawny.sources.media_connection import CaptureMemory, MediaConnection, MediaInput, sniff
from tawny.sources.media_process import JPEG, MOST_JPEG_BYTES
from tawny.sources.message_process import KEPT
from tawny.sources.rtsp.client.rtp_receiver import TCP_WINDOW
from tawny.sources.rtsp.source import stream_settings
from tawny.sources.source import CameraConnection, SourceContext

_LOOK_S: Final = 0.25
_READ_BYTES: Final = 1 << 16
_MESSAGE_BYTES: Final = MOST_JPEG_BYTES + 1


def _connected(
    feed: Callable[[MediaInput], None], cut: Callable[[], None], opening: SourceContext, options: Mapping[str, Any]
) -> CameraConnection:
    """Raises SourceError."""
    connection = MediaConnection(feed, cut, opening.address, opening.clock, options, CaptureMemory())
    connection.wait_until_it_plays()
    return connection


# UNIX sockets


class UnixSocket:
    """A program of this computer that writes to a UNIX socket: `unix:/run/camera/h264.sock`.

    Packets (SEQPACKET) hold one JPEG or one picture of H.264 or H.265 in Annex B each. A stream may be any of these, or
    a container: FLV, MPEG-TS, MP4, Matroska.

    - `owner` (""): the user that must own the socket; empty: root, or the user of tawny.
    - `sound` (true): record sound.
    - `stall` ("5 s"): reconnect after this time without video.
    """

    scheme: ClassVar[str] = "unix"

    def settings(self, table: Mapping[str, Any]) -> Mapping[str, Any]:
        checked = stream_settings(table, {"owner": ""})
        if not isinstance(checked["owner"], str):
            raise ValueError(f"owner: found {value_text(checked['owner'])}; allowed: the name of a user")
        return checked

    def claims(self, address: str) -> bool:
        return address.startswith("unix:")

    def public(self, address: str) -> str:
        return address

    def open(self, opening: SourceContext) -> CameraConnection:
        options = self.settings(opening.options)
        line = _connect(opening.address, opening.address.removeprefix("unix:"))
        try:
            _check_owner(line, opening.address, options["owner"])
        except SourceError:
            line.close()
            raise
        line.settimeout(options["stall"])
        is_packets = line.type == socket.SOCK_SEQPACKET

        def feed(media: MediaInput) -> None:
            with line:
                _feed_from(line, media, opening.address, options["stall"], is_packets=is_packets)

        def cut() -> None:
            with suppress(OSError):
                line.shutdown(socket.SHUT_RDWR)

        return _connected(feed, cut, opening, options)


def _connect(where: str, path: str) -> socket.socket:
    """Raises SourceError."""
    if not path.startswith("/") or len(path.encode()) > 107:
        raise SourceError(where, "its address isn't unix: and an absolute path, for example unix:/run/camera.sock")
    for kind in (socket.SOCK_SEQPACKET, socket.SOCK_STREAM):
        line = socket.socket(socket.AF_UNIX, kind)
        try:
            line.connect(path)
        except OSError as error:
            line.close()
            if error.errno == errno.EPROTOTYPE and kind == socket.SOCK_SEQPACKET:
                continue
            if isinstance(error, FileNotFoundError | PermissionError):
                raise NoSuchDevice(where, (error.strerror or "").lower()) from None
            raise SourceUnreachable(where, (error.strerror or "no connection").lower()) from None
        return line
    raise SourceUnreachable(where, "it is a socket for datagrams")


def _check_owner(line: socket.socket, where: str, owner: str) -> None:
    """Raise SourceError unless the program on the other side runs as the expected user."""
    _, user, _ = struct.unpack("3i", line.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i")))
    if owner:
        try:
            expected = {pwd.getpwnam(owner).pw_uid}
        except KeyError:
            raise SourceError(where, f"there is no user {owner}, who should own it") from None
    else:
        expected = {0, os.getuid()}
    if user not in expected:
        raise SourceError(where, f"it belongs to another user (number {user}); `owner` in its settings names who may")


def _feed_from(line: socket.socket, media: MediaInput, where: str, stall_s: float, *, is_packets: bool) -> None:
    """Raises SourceError."""
    while True:
        try:
            data = line.recv(_MESSAGE_BYTES if is_packets else _READ_BYTES)
        except TimeoutError:
            raise SourceStalled(where, f"nothing came for {stall_s:g} s") from None
        except OSError as error:
            raise SourceClosed(where, (error.strerror or "it ended").lower()) from None
        if not data:
            raise SourceClosed(where, "the program has closed the socket")
        if not is_packets:
            media.feed(data, where)
            continue
        if len(data) == _MESSAGE_BYTES:
            raise SourceUnusable(where, f"a picture of more than {MOST_JPEG_BYTES} bytes")
        if not media.kind:
            kind = sniff(data)
            if kind not in (JPEG, "h264", "h265"):
                raise SourceUnusable(where, "packets that are neither JPEG nor H.264 or H.265")
            media.begin(kind)
        media.picture(data)


# Programs


class ProgramOutput:
    """A program whose standard output is video: `exec:`, with its words in `command`. In the settings file only.

    It may write what a UNIX socket may carry as a stream. It is started without a shell, and ended with the connection.

    - `command` ([]): the program and its arguments, for example `["ffmpeg", "-i", "…", "-f", "mpegts", "-"]`.
    - `sound` (true): record sound.
    - `stall` ("5 s"): start it again after this time without video.
    """

    scheme: ClassVar[str] = "exec"

    def settings(self, table: Mapping[str, Any]) -> Mapping[str, Any]:
        checked = stream_settings(table, {"command": []})
        words = checked["command"]
        if not isinstance(words, list | tuple) or not all(isinstance(one, str) and "\0" not in one for one in words):
            raise ValueError(f"command: found {value_text(words)}; allowed: a list of texts")
        return checked

    def claims(self, address: str) -> bool:
        return address == "exec:"

    def public(self, address: str) -> str:
        return address

    def open(self, opening: SourceContext) -> CameraConnection:
        options, where = self.settings(opening.options), opening.address
        words = list(options["command"])
        if not words:
            raise SourceError(where, "its table `exec` has no `command`")
        environment = {name: os.environ[name] for name in (*KEPT, "HOME") if name in os.environ}
        try:
            running = subprocess.Popen(
                words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=environment,
                start_new_session=True,
            )  # fmt: skip
        except OSError as error:
            raise NoSuchDevice(words[0], (error.strerror or "it can't be started").lower()) from None
        over = threading.Event()

        def feed(media: MediaInput) -> None:
            try:
                _feed_output(running, media, where, over)
            finally:
                _end(running)

        return _connected(feed, over.set, opening, options)


def _feed_output(running: subprocess.Popen[bytes], media: MediaInput, where: str, over: threading.Event) -> None:
    """Raises SourceError."""
    assert running.stdout is not None
    output = running.stdout.fileno()
    while not over.is_set():
        if not wait_readable([output], _LOOK_S):
            continue
        data = os.read(output, _READ_BYTES)
        if not data:
            try:
                code = running.wait(_LOOK_S)
            except subprocess.TimeoutExpired:
                raise SourceClosed(where, "the program closed its output") from None
            raise SourceClosed(where, f"the program exited with code {code}")
        media.feed(data, where)


def _end(running: subprocess.Popen[bytes]) -> None:
    """Kill the program with everything that it has started."""
    with suppress(ProcessLookupError):
        os.killpg(running.pid, signal.SIGKILL)
    running.wait()
    assert running.stdout is not None
    running.stdout.close()


# UDP


_UDP: Final = re.compile(r"udp://@?(?P<host>\[[0-9A-Fa-f:.]+\]|[0-9.]*):(?P<port>\d{1,5})/?")
_DATAGRAM_BYTES: Final = 1 << 16
_RECEIVE_BYTES: Final = 2_000_000


class Udp:
    """MPEG-TS that is sent to this computer: `udp://0.0.0.0:5000`, or a multicast group: `udp://239.1.2.3:5000`.

    Anyone who can send to this address can send pictures: limit `from`, or use it in a network that you trust.

    - `from` (""): the only IP address that is listened to; empty: all.
    - `sound` (true): record sound.
    - `stall` ("5 s"): report a stall after this time without video.
    """

    scheme: ClassVar[str] = "udp"

    def settings(self, table: Mapping[str, Any]) -> Mapping[str, Any]:
        checked = stream_settings(table, {"from": ""})
        try:
            checked["from"] = str(ipaddress.ip_address(checked["from"])) if checked["from"] else ""
        except ValueError:
            raise ValueError(f"from: found {value_text(checked['from'])}; allowed: an IP address") from None
        return checked

    def claims(self, address: str) -> bool:
        return address.startswith("udp://")

    def public(self, address: str) -> str:
        return address

    def open(self, opening: SourceContext) -> CameraConnection:
        options, where = self.settings(opening.options), opening.address
        line = _listening(where)
        over, order = threading.Event(), DatagramOrder()

        def feed(media: MediaInput) -> None:
            with line:
                media.begin("mpegts")
                while not over.is_set():
                    if not wait_readable([line], _LOOK_S):
                        continue
                    data, sender = line.recvfrom(_DATAGRAM_BYTES)
                    if options["from"] in ("", sender[0]):
                        media.feed(order.take(data), where)

        return _connected(feed, over.set, opening, options)


def _listening(where: str) -> socket.socket:
    """Raises SourceError."""
    found = _UDP.fullmatch(where)
    try:
        if found is None or not 0 < int(found["port"]) < 65536:
            raise ValueError
        host = ipaddress.ip_address(found["host"].strip("[]") or "0.0.0.0")  # noqa: S104  the user has chosen it
    except ValueError:
        raise SourceError(where, "its address isn't an IP address and a port, for example udp://0.0.0.0:5000") from None
    line = socket.socket(socket.AF_INET6 if host.version == 6 else socket.AF_INET, socket.SOCK_DGRAM)
    line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _RECEIVE_BYTES)
    try:
        if host.is_multicast:
            line.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        line.bind((str(host), int(found["port"])))
        if host.is_multicast:
            _join(line, host)
    except OSError as error:
        line.close()
        why = (error.strerror or "no such address here").lower()
        raise SourceError(where, f"tawny can't listen there: {why}") from None
    return line


def _join(line: socket.socket, group: ipaddress.IPv4Address | ipaddress.IPv6Address) -> None:
    if group.version == 6:
        line.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_JOIN_GROUP, group.packed + struct.pack("@I", 0))
    else:
        line.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, group.packed + bytes(4))


class DatagramOrder:
    """MPEG-TS of datagrams: those with an RTP header (RFC 2250) in the order of their numbers, others as they come.

    Encoders that count wrongly are read as they send.
    """

    def __init__(self) -> None:
        self._next = -1
        """Number that is expected; negative before the first."""
        self._early: dict[int, bytes] = {}
        """What came before its turn, by number."""
        self._newest = b""

    def take(self, data: bytes) -> bytes:
        """Return what this datagram completes. Some wait for one that is missing before them, 16 at most."""
        header = read_header(memoryview(data), 0, len(data))
        if header is None:
            return data
        content = data[header.begin : header.end]
        step = (header.number - self._next) & 0xFFFF if self._next >= 0 else 0
        if 0 < step < TCP_WINDOW:
            self._early[header.number] = content
            return b""
        if step > 0xFFFF - TCP_WINDOW:
            return b"" if content == self._newest else content  # repeated; late, or without a number of its own
        found = []
        if step:
            found += [self._early[number] for number in sorted(self._early, key=self._distance)]
            self._early.clear()
        found.append(content)
        self._next = (header.number + 1) & 0xFFFF
        while self._next in self._early:
            found.append(self._early.pop(self._next))
            self._next = (self._next + 1) & 0xFFFF
        self._newest = found[-1]
        return b"".join(found)

    def _distance(self, number: int) -> int:
        return (number - self._next) & 0xFFFF
