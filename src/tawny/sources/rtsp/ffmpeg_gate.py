"""Gate between FFmpeg and a camera, on loopback: FFmpeg would send the password to whatever the camera asks.

It answers Basic although the camera offered a digest before, and follows redirects with the password. The gate makes
an offer of Basic unreadable, so that FFmpeg uses a digest or none, and ends the connection at a redirect. It looks at
the bytes without regard to packets, because FFmpeg may see their borders elsewhere; in video, the words it looks for do
not occur by chance.
"""

import dataclasses
import re
import socket
from typing import Final

from tawny.engine.descriptors import wait_readable
from tawny.engine.threads import start_thread
from tawny.sources.rtsp.address import RtspAddress

_OPEN_S: Final = 10.0
_LOOK_S: Final = 0.5
_READ_BYTES: Final = 1 << 17
_LONGEST: Final = 256
"""Bytes before a piece that are examined with it."""
_MAX_OFFERS: Final = 16
_BASIC: Final = re.compile(rb"www-authenticate:[ \t]{0,99}basic", re.IGNORECASE)
_REDIRECT: Final = re.compile(rb"rtsp/[^ \n]{0,99} {1,99}3\d\d", re.IGNORECASE)


class FfmpegGate:
    """Accepts one connection and connects it to the camera. address: where FFmpeg connects to, with the login."""

    def __init__(self, address: RtspAddress) -> None:
        self._camera = address.host, address.port
        self._listening = socket.create_server(("127.0.0.1", 0), backlog=1)
        self._listening.settimeout(_OPEN_S)
        self.address = dataclasses.replace(address, host="127.0.0.1", port=self._listening.getsockname()[1])
        self.offers = 0
        """Number of offers of Basic."""
        self.is_redirected = False
        self._is_closed = False
        start_thread(f"gate {address.host}", self._run)

    def close(self) -> None:
        """End the connection within _LOOK_S."""
        self._is_closed = True
        self._listening.close()

    def _run(self) -> None:
        try:
            with self._listening:
                player, _ = self._listening.accept()
            with player, socket.create_connection(self._camera, timeout=_OPEN_S) as camera:
                self._pass(player, camera)
        except OSError:  # either side has left, or none came
            return

    def _pass(self, player: socket.socket, camera: socket.socket) -> None:
        before = b""
        for line in (player, camera):
            line.settimeout(_OPEN_S)
        while not self._is_closed:
            ready = wait_readable([player, camera], _LOOK_S)
            for line in (line for line in (player, camera) if line in ready):
                piece = line.recv(_READ_BYTES)
                if not piece:
                    return
                if line is player:
                    camera.sendall(piece)
                    continue
                examined = before + piece.replace(b"\r", b"")  # FFmpeg ignores CR, also within words
                self.is_redirected = _REDIRECT.search(examined) is not None
                passed = self._without_basic(piece, examined, len(before))
                if self.is_redirected or self.offers > _MAX_OFFERS:
                    return
                before = examined[-_LONGEST:]
                player.sendall(passed)

    def _without_basic(self, piece: bytes, examined: bytes, before: int) -> bytes:
        """Return the piece with the last letter of each `Basic` replaced. before: bytes examined with earlier ones."""
        changed = bytearray(piece)
        for found in _BASIC.finditer(examined):
            last = found.end() - 1 - before
            if last < 0:
                continue  # changed with the piece before
            self.offers += 1
            if self.offers > _MAX_OFFERS:
                break
            kept = [at for at, byte in enumerate(piece) if byte != 0x0D]
            changed[kept[last]] = ord("?")
        return bytes(changed)
