"""A whole tawny in a process of its own: `recorder_child.py FOLDER FILES HARD SEGMENT_S ADDRESS…` records each camera.

FILES, HARD: the soft and the hard limit of open files at its start. Its files last SEGMENT_S. Clients from 127.x.y.z
count as clients from elsewhere, each address as one. Prints JSON lines: first where it listens, then each
half second how far behind the disk is, at most, and at its end which gaps there were.
"""

import json
import os
import resource
import signal
import sys
import threading
from functools import partial
from pathlib import Path

from tawny.app import program
from tawny.app.running import RecorderRuntime
from tawny.config.loader import parse_settings
from tawny.model.ids import CameraId, StreamName
from tawny.model.segments import GapReason
from tawny.model.times import Span
from tawny.recorder.stream_recording import BufferLimits
from tawny.service import storage_setup

EVER = Span(0, 4_000_000_000_000)
LOOK_S = 0.5


def main() -> None:
    folder, files, hard, segment_s, *addresses = sys.argv[1:]
    resource.setrlimit(resource.RLIMIT_NOFILE, (int(files), int(hard)))
    text = 'web.listen = "127.0.0.1:0"\nweb.rtsp = "127.0.0.1:0"\nstorage.retention.min_free = "0 %"\n' + "".join(
        f'[cameras.cam-{n}]\nsource = "{address}"\ndetection.detector = "off"\nrtsp.client = "own"\n'
        for n, address in enumerate(addresses)
    )
    settings, problems = parse_settings(text, {})
    assert settings is not None, problems
    _shorten_files(float(segment_s))
    vars(program)["RecorderRuntime"] = _Watched
    if hasattr(program, "LOOPBACK"):
        vars(program)["LOOPBACK"] = ()
    threading.Thread(target=_end_with_input, daemon=True).start()
    program.Program(settings, Path(folder)).run(lambda data, _text: _say(**data))
    _say(gaps=_Watched.gaps, problems=sorted(_Watched.problems))


def _shorten_files(segment_s: float) -> None:
    vars(storage_setup)["BufferLimits"] = partial(BufferLimits, segment_s=segment_s)


class _Watched(RecorderRuntime):
    gaps: dict[str, list[str]]
    problems: set[str]

    def begin(self) -> None:
        super().begin()
        type(self).gaps, type(self).problems = {}, set()
        threading.Thread(target=self._look, daemon=True).start()

    def _look(self) -> None:
        while True:
            now_ms, behind_s = self.clock.now_ms(), 0.0
            for camera in self.camera_names():
                status = self._recorder.status(camera, StreamName.MAIN)
                behind_s = max(behind_s, (now_ms - (status.durable_ms or self.started_ms)) / 1000)
                if status.problem is not None:
                    self.problems.add(status.problem.message)
            hubs = (self.hub(camera, StreamName.MAIN) for camera in self.camera_names())
            _say(behind_s=round(behind_s, 2), rings=sum(hub.size_bytes for hub in hubs if hub is not None))
            threading.Event().wait(LOOK_S)

    def close(self, cause: str) -> None:
        for camera in list(self.camera_names()):
            type(self).gaps[camera] = [
                f"{gap.reason} {gap.detail}"
                for gap in self.index.gaps(CameraId(camera), EVER)
                if gap.reason is not GapReason.RECORDER_OFF
            ]
        super().close(cause)


def _say(**what: object) -> None:
    sys.stdout.write(json.dumps(what) + "\n")
    sys.stdout.flush()


def _end_with_input() -> None:
    sys.stdin.read()
    os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    main()
