"""A real MQTT broker on loopback."""

import shutil
import socket
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from tawny.testing.waiting import until
from tests.support.ports import free_port

USER = "tawny"


@contextmanager
def served(home: Path, password: str, *more: str) -> Iterator["Broker"]:
    """It lets `tawny` in, with this password. more: lines of its settings."""
    made = Broker(home, password, more)
    made.start()
    try:
        yield made
    finally:
        made.stop()


class Broker:
    def __init__(self, home: Path, password: str, more: Sequence[str] = ()) -> None:
        self.port = free_port()
        people, self._settings = home / "people", home / "mosquitto.conf"
        path = shutil.which("mosquitto", path="/usr/sbin:/usr/bin:/sbin:/bin")
        assert path, "mosquitto is not installed: ./test installs it"
        self._path = path
        command = ["mosquitto_passwd", "-b", "-c", str(people), USER, password]
        subprocess.run(command, check=True, capture_output=True)
        people.chmod(0o644)
        home.chmod(0o755)
        text = f"listener {self.port} 127.0.0.1\nallow_anonymous false\npassword_file {people}\nuser root\n"
        self._settings.write_text("\n".join([text, *more, ""]))
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        process = subprocess.Popen(
            [self._path, "-c", str(self._settings)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        self._process = process
        until(lambda: self.answers() or process.poll() is not None, 60, "the broker")

    def stop(self) -> None:
        """It forgets everything."""
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.wait()

    def answers(self) -> bool:
        with socket.socket() as asking:
            return asking.connect_ex(("127.0.0.1", self.port)) == 0
