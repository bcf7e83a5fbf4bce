"""What systemd is told of a start: more time while it is at work, and none once it hangs."""

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from tawny.app.program import STARTING_US, SystemdNotifier


@pytest.fixture
def systemd(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[socket.socket]:
    monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as made:
        made.bind(str(tmp_path / "notify"))
        made.settimeout(10)
        yield made


def test_a_start_gets_more_time_only_while_it_is_at_work(systemd: socket.socket) -> None:
    looks = 0

    def used_s() -> float:
        nonlocal looks
        looks += 1
        return 5.0 if looks >= 4 else 0.001 * looks  # hangs, but for one interval

    notifier = SystemdNotifier()
    notifier.starting(used_s, every_s=0.001)
    assert systemd.recv(4096).decode().split("\n")[:2] == [f"EXTEND_TIMEOUT_USEC={STARTING_US}", "WATCHDOG=1"]
    assert looks >= 4
    notifier.ready()
    assert systemd.recv(4096).decode() == "READY=1\nSTATUS="


def test_without_systemd_nothing_is_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NOTIFY_SOCKET", raising=False)
    notifier = SystemdNotifier()
    notifier.starting(lambda: pytest.fail("nothing waits for it"), every_s=0.001)
    notifier.ready()
