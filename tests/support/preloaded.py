"""Recorders that start from a process that has loaded tawny: loading is most of the processor time of a start.

Each worker runs one such process, without threads. It forks for each recorder. Tests about a start, a command line or
an environment start the program as its users do.
"""

import atexit
import gc
import json
import os
import runpy
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any, BinaryIO

LOADED = ("tawny.cli.run", "tawny.app.program", "tawny.app.control_answers", "tawny.sources.demo.source")
MOST_BYTES = 150_000
"""Size of an order: the environment is most of it."""


class Preloaded:
    """A running script, with the methods of `subprocess.Popen`. Its parent is the process that forked it."""

    def __init__(self, orders: socket.socket, pid: int) -> None:
        self.pid = pid
        self.returncode: int | None = None
        self._orders, self._running = orders, os.pidfd_open(pid)

    def poll(self) -> int | None:
        return self._after(0)

    def wait(self, timeout: float | None = None) -> int:
        """Raises subprocess.TimeoutExpired."""
        code = self._after(timeout)
        if code is None:
            raise subprocess.TimeoutExpired(f"process {self.pid}", timeout or 0)
        return code

    def send_signal(self, number: signal.Signals) -> None:
        if self.poll() is None:
            signal.pidfd_send_signal(self._running, number)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)

    def _after(self, timeout: float | None) -> int | None:
        if self.returncode is None and select.select([self._running], [], [], timeout)[0]:
            self._orders.send(json.dumps({"ended": self.pid}).encode())
            self.returncode = int(self._orders.recv(100))
            os.close(self._running)
        return self.returncode


def start(script: Path, words: Sequence[str], out: BinaryIO) -> Preloaded:
    """Run a Python script with this process's environment and folder, as `python -P SCRIPT WORDS` does.

    out: gets what it prints.
    """
    orders = _loaded()
    order = {"script": str(script), "words": list(words), "env": dict(os.environ), "folder": str(Path.cwd())}
    socket.send_fds(orders, [json.dumps(order).encode()], [out.fileno()])
    return Preloaded(orders, int(orders.recv(100)))


@cache
def _loaded() -> socket.socket:
    """Return the connection to the process that has loaded tawny, after starting it."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    command = [sys.executable, "-P", __file__, str(theirs.fileno())]
    process = subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, pass_fds=[theirs.fileno()], process_group=0
    )
    theirs.close()

    def end() -> None:
        ours.close()
        process.wait(30)

    atexit.register(end)
    return ours


def serve(orders: socket.socket) -> None:
    """Fork for each order. Returns in the forked process, ready to run a script; ends when nobody orders any more."""
    for module in LOADED:
        import_module(module)
    gc.freeze()
    running = set[int]()
    while True:
        message, (*out,), _, _ = socket.recv_fds(orders, MOST_BYTES, 1)
        if not message:
            for pid in running:
                os.kill(pid, signal.SIGKILL)
            sys.exit()
        order: dict[str, Any] = json.loads(message)
        if "ended" in order:
            code = os.waitstatus_to_exitcode(os.waitpid(order["ended"], 0)[1])
            running.remove(order["ended"])
            orders.send(str(code).encode())
            continue
        pid = os.fork()
        if pid == 0:
            orders.close()
            _become(order, *out)
            return
        running.add(pid)
        os.close(*out)
        orders.send(str(pid).encode())


def _become(order: dict[str, Any], out: int) -> None:
    for number in (1, 2):
        os.dup2(out, number)
    os.close(out)
    os.chdir(order["folder"])
    os.environ.clear()
    os.environ.update(order["env"])
    time.tzset()
    sys.argv = [order["script"], *order["words"]]


if __name__ == "__main__":
    serve(socket.socket(fileno=int(sys.argv[1])))
    runpy.run_path(sys.argv[0], run_name="__main__")
