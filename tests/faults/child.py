"""A process that records until it is killed: `python -m tests.faults.child FOLDER PACKETS RUN_S`.

Real folder, real threads, real pace. Prints a line for each picture that came and for each that became durable.
"""

import pickle
import sys
import time
from itertools import count
from pathlib import Path

from tawny.engine import Bus, ThreadEngine
from tawny.model.clock import SystemClock
from tawny.model.ids import CameraId, RunId, StreamName
from tawny.model.messages import Message, SegmentClosed
from tawny.model.packets import Packet, SourcePacket
from tawny.recorder.recorder import Recorder
from tawny.storage.history import History
from tawny.storage.ledger import Ledger
from tawny.storage.lock import boot_id
from tawny.storage.opening import index_to_write
from tawny.storage.volume import Volume
from tawny.stream.hub import Hub

CAMERA, MAIN = CameraId("porch"), StreamName.MAIN


def say(*words: object) -> None:
    sys.stdout.write(" ".join(map(str, words)) + "\n")
    sys.stdout.flush()


def main(folder: Path, packets: list[SourcePacket], run_s: float) -> None:
    clock, bus = SystemClock(), Bus()
    volume = Volume.at(folder)
    volume.lock(clock)
    history = History(volume.disk)
    index = index_to_write(volume, history)
    Ledger(history, index, clock).started(boot_id())
    engine = ThreadEngine(clock, lambda name, error: say("failed", name, repr(error)))
    recorder = Recorder(volume, index, clock, bus)
    recorder.start(engine)
    hub = Hub()
    recorder.add(CAMERA, MAIN, hub)

    def heard(message: Message) -> None:
        if isinstance(message, SegmentClosed):
            say("closed", message.segment.path, message.segment.size_bytes)

    bus.subscribe(heard)
    number = count()
    for run in count():
        begun_s, begun_ms = clock.mono_s(), clock.now_ms()
        for packet in packets:
            at_s = packet.pts / packet.format.rate
            if at_s > run_s:
                break
            time.sleep(max(0.0, begun_s + at_s - clock.mono_s()))
            at_ms = begun_ms + round(at_s * 1000)
            name = RunId(f"run-{run}")
            hub.append(Packet(name, next(number), packet.format, packet.data, packet.pts, at_ms, packet.is_keyframe))
            say("came", at_ms, clock.now_ms())
            for segment in recorder.open_segments(CAMERA):
                say("durable", segment.end_ms)
        recorder.end_run(CAMERA, MAIN, "closed")


if __name__ == "__main__":
    main(Path(sys.argv[1]), pickle.loads(Path(sys.argv[2]).read_bytes()), float(sys.argv[3]))
