"""A whole recorder that runs until it is killed: `python -m tests.faults.child FOLDER PACKETS RUN_S [WORD ...]`.

Real folder, real threads, real pace; its camera hangs up after RUN_S and comes back. Prints a line for each picture
that came, for each instant up to which all is durable, for each file that was closed, and for each time it looked.

Words: `unsynced`: it never asks the disk to keep anything, as a careless program would, and the tests of power cuts
must find that out. `sealed`: it encrypts, and its events get a better picture each half second. `spare=FOLDER`.
`leave=SECONDS`: a disk that hangs is left after so long. `events`: it records around events, which come one after the
other. `program`: all of `tawny run`, with accounts, uploads and web
interface.
"""

import os
import sys
import threading
from collections.abc import Container, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, ClassVar

from tawny.app import program
from tawny.app.running import RecorderRuntime
from tawny.config.loader import parse_settings
from tawny.model.errors import SourceClosed
from tawny.model.events import Event, event_id, new_event_id
from tawny.model.ids import CameraId
from tawny.model.messages import EventChanged, Message, PartDied, SegmentClosed
from tawny.model.observations import MOTION
from tawny.model.packets import SourcePacket
from tawny.model.times import SystemClock
from tawny.recorder import stream_recording
from tawny.sealed.key_wrapping import Identity
from tawny.service.plugin_registry import PluginRegistry
from tawny.sources.source import IdleUntil, SourceContext
from tests.support.packet_file import load_packets

CAMERA = CameraId("porch")
SETTINGS = f'storage.retention.min_free = "0 %"\n[cameras.{CAMERA}]\nsource = "film:"\ndetection.detector = "off"\n'
OWNER = Identity.new()
SEALED = f'encrypt = true\n[encryption]\nrecipients = ["{OWNER.recipient}"]\nrecovery = "{OWNER.recipient}"\n'
BETTER_MS, EVENT_MS = 500, 15_000
AROUND = 'record = "events"\npre = "1 s"\npost = "0.5 s"\n'
LASTS_MS, EVERY_MS = 700, 4_500
"""Of the events of a camera that records around them."""
LOOK_S = 0.05
FPS = 15
"""Of the packets that it is handed."""


def say(*words: object) -> None:
    sys.stdout.write(" ".join(map(str, words)) + "\n")
    sys.stdout.flush()


class Film:
    """A camera that sends the same packets at their pace, and hangs up after `run_s`."""

    scheme: ClassVar[str] = "film"

    def __init__(self, packets: list[SourcePacket], run_s: float) -> None:
        self.packets = [packet for packet in packets if packet.pts / packet.format.rate <= run_s]

    def settings(self, table: Mapping[str, Any]) -> Mapping[str, Any]:
        return table

    def claims(self, address: str) -> bool:
        return address == "film:"

    def public(self, address: str) -> str:
        return address

    def open(self, opening: SourceContext) -> "_Playing":
        return _Playing(self.packets, opening)


class _Playing:
    def __init__(self, packets: list[SourcePacket], opening: SourceContext) -> None:
        self._packets, self._clock = iter(packets), opening.clock
        self._begun_s = opening.clock.mono_s()
        self._next = next(self._packets, None)

    @property
    def notes(self) -> Mapping[str, Any]:
        return {}

    def read(self) -> SourcePacket | IdleUntil:
        packet = self._next
        if packet is None:
            raise SourceClosed("film:", "the camera hung up")
        wait_s = self._begun_s + packet.pts / packet.format.rate - self._clock.mono_s()
        if wait_s > 0:
            return IdleUntil(wait_s)
        self._next = next(self._packets, None)
        if packet.is_video:
            say("came", self._clock.now_ms())
        return packet

    def close(self) -> None:
        """Nothing is held."""


def run_program(folder: Path, packets: list[SourcePacket], run_s: float) -> None:
    """The whole program, with this camera beside the installed ones."""
    settings, problems = parse_settings(f'web.listen = "127.0.0.1:0"\n{SETTINGS}', {})
    assert settings is not None, problems
    installed = PluginRegistry.opened()
    plugins = replace(installed, sources={**installed.sources, "film": Film(packets, run_s)})
    vars(program)["PluginRegistry"] = SimpleNamespace(opened=lambda *_: plugins)
    vars(program)["RecorderRuntime"] = _Watched
    program.Program(settings, folder).run(lambda _data, _text: None)


class _Watched(RecorderRuntime):
    def begin(self) -> None:
        super().begin()
        threading.Thread(target=look, args=(self, "", self.clock, ()), daemon=True).start()


class Pictures:
    """An event of fifteen seconds after the other, each with a better picture each half second and a preview."""

    def __init__(self, running: RecorderRuntime) -> None:
        self._files, self._due_ms, self._begun_ms = running.parts.storage.sealing.event_files, 0, 0

    def step(self, now_ms: int) -> None:
        if now_ms < self._due_ms:
            return
        self._due_ms = now_ms + BETTER_MS
        if now_ms - self._begun_ms > EVENT_MS:
            if self._begun_ms:
                say("stored", self._files.write_loop(self._event(), b"preview" * 2000))
            self._begun_ms = now_ms
        say("stored", self._files.write_picture(self._event(), b"picture" * 8000))

    def _event(self) -> Event:
        return Event(event_id(self._begun_ms, b"door"), CAMERA, MOTION, self._begun_ms, None, 1.0)


class Happenings:
    """Events at their pace, stored and told as those of detection."""

    def __init__(self, running: RecorderRuntime) -> None:
        self._ledger, self._bus = running.parts.storage.ledger, running.bus
        self._event: Event | None = None
        self._due_ms = 0

    def step(self, now_ms: int) -> None:
        if self._event is None and now_ms >= self._due_ms:
            self._due_ms = now_ms + EVERY_MS
            self._tell(Event(new_event_id(now_ms), CAMERA, MOTION, now_ms, None, 50.0), now_ms)
        elif self._event is not None and now_ms - self._event.start_ms >= LASTS_MS:
            self._tell(self._event.ended(now_ms), now_ms)
            self._event = None

    def _tell(self, event: Event, now_ms: int) -> None:
        self._event = event
        say("event", event.start_ms, event.end_ms or 0, now_ms)
        self._ledger.put_event(event)
        self._bus.publish(EventChanged("updated", event))


def main(folder: Path, packets: list[SourcePacket], run_s: float, spare: str, words: Container[str]) -> None:
    sealed, around = "sealed" in words, AROUND if "events" in words else ""
    text = f'storage.spare = "{spare}"\n{SETTINGS}{around}{SEALED if sealed else ""}'
    settings, problems = parse_settings(text, {})
    assert settings is not None, problems
    clock = SystemClock()
    running = RecorderRuntime.open(settings, folder, clock, PluginRegistry({"film": Film(packets, run_s)}, {}))

    def heard(message: Message) -> None:
        match message:
            case SegmentClosed(segment):
                say("closed", segment.path, segment.size_bytes)
            case PartDied(part, error):
                say("failed", part, error)

    running.bus.subscribe_all(heard)
    running.begin()
    running.begin_housekeeping()
    steps: list[Pictures | Happenings] = [Pictures(running)] if sealed else []
    look(running, spare, clock, [*steps, Happenings(running)] if around else steps)


def look(running: RecorderRuntime, spare: str, clock: SystemClock, steps: Sequence[Pictures | Happenings]) -> None:
    """Say again and again what is durable."""
    while True:
        for one in steps:
            one.step(clock.now_ms())
        for segment in running.open_segments(CAMERA):
            say("durable", segment.end_ms)
        if spare:
            say("spare", clock.now_ms(), int(running.parts.recorder.on_spare is not None), int(running.is_alive()))
        say("looked", clock.now_ms())
        threading.Event().wait(LOOK_S)


if __name__ == "__main__":
    if "unsynced" in sys.argv:
        os.fsync = os.fdatasync = lambda fd: None
    words = dict(word.split("=", 1) for word in sys.argv[4:] if "=" in word)
    if "leave" in words:
        vars(stream_recording)["_LEAVE_S"] = float(words["leave"])
    recorded = Path(sys.argv[1]), load_packets(Path(sys.argv[2])), float(sys.argv[3])
    if "program" in sys.argv:
        run_program(*recorded)
    else:
        main(*recorded, words.get("spare", ""), sys.argv)
