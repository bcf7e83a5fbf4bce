"""systemd notifications (sd_notify): ready, watchdog, stopping. No-op outside systemd."""

import os
import socket


class SystemdNotifier:
    """Sends to `$NOTIFY_SOCKET`; see sd_notify(3)."""

    def __init__(self, env: dict[str, str] | None = None) -> None:
        env = dict(os.environ) if env is None else env
        self._address = env.get("NOTIFY_SOCKET", "").replace("@", "\0", 1)
        self.watchdog_s = int(env.get("WATCHDOG_USEC", "0")) / 1e6 or None
        """Watchdog timeout in s from `$WATCHDOG_USEC`; None without a watchdog."""

    def ready(self) -> None:
        self._send("READY=1")

    def alive(self) -> None:
        self._send("WATCHDOG=1")

    def stopping(self) -> None:
        self._send("STOPPING=1")

    def _send(self, text: str) -> None:
        if not self._address:
            return
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as out:
            try:
                out.sendto(text.encode(), self._address)
            except OSError:
                self._address = ""  # stop sending: the socket is gone
