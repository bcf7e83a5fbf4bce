"""What programs get while the recorder stops: the ends of what they were informed of."""

import json
import secrets
import socket
from pathlib import Path
from typing import Any

from tawny.app.web_interface import make_web_interface
from tawny.engine.connections import ConnectionManager
from tawny.service.integrations.external_events import EventKey
from tawny.testing.clips import ClipSpec, clip_file
from tests.app.rig import DOOR, Rig, one_camera, rig


async def _interface_comes_and_goes(bench: Rig) -> None:
    web = await make_web_interface(bench.running, ConnectionManager(bench.clock))
    await web.start()
    bench.wait_for_seconds(1)
    assert bench.running.external_events.open(DOOR, "bell", EventKey("test", ""), "", 100.0, 600.0)
    await web.stop()


async def test_a_program_gets_the_ends_of_events_and_recordings_at_a_stop(tmp_path: Path) -> None:
    """A light that a script had switched on stayed on, and the last recording was never copied."""
    name = f"tawny-test-{secrets.token_hex(8)}"
    chosen = one_camera(
        str(clip_file(ClipSpec(seconds=30))),
        f'[web]\nlisten = "127.0.0.1:0"\n[webhooks.own]\nurl = "unix:@{name}"\nevents = ["event", "segment"]\n',
    )
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as receiver:
        receiver.bind(f"\0{name}")
        receiver.setblocking(False)
        with rig(chosen, tmp_path, has_interface=True) as bench:
            await _interface_comes_and_goes(bench)
        got: list[dict[str, Any]] = []
        while data := _next(receiver):
            got.append(json.loads(data))
    types = [one["type"] for one in got]
    assert types.count("event.started") == types.count("event.ended") == 1
    assert types.count("segment.closed") == 1


def _next(receiver: socket.socket) -> bytes:
    try:
        return receiver.recv(65536)
    except BlockingIOError:
        return b""
