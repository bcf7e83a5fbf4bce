"""The usual recorder in Python, as a peer: PyAV, a thread a camera, MP4 in fragments of a second, each synced.

python -m benchmarks.pyav_recorder FOLDER ADDRESS...
"""

import os
import sys
import threading
from pathlib import Path

import av


class Sink:
    """Takes what the muxer writes: with `empty_moov` each call is the header or one whole fragment."""

    def __init__(self, path: Path) -> None:
        self._fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o640)

    def write(self, data: bytes) -> int:
        written = os.write(self._fd, data)
        os.fdatasync(self._fd)
        return written


def record(address: str, path: Path) -> None:
    """Until the camera ends it."""
    muxing = {"movflags": "empty_moov+default_base_moof+frag_keyframe", "frag_duration": "1000000"}
    with (
        av.open(address, options={"rtsp_transport": "tcp"}, timeout=(10, 10)) as camera,
        av.open(Sink(path), "w", format="mp4", options=muxing) as file,
    ):
        video = camera.streams.video[0]
        track = file.add_stream_from_template(video)
        last = -1
        for packet in camera.demux(video):
            if packet.size == 0 or (last < 0 and not packet.is_keyframe):
                continue
            last = packet.dts = packet.dts if packet.dts is not None and packet.dts > last else last + 1
            packet.pts = packet.pts if packet.pts is not None else packet.dts
            packet.stream = track
            file.mux(packet)


def main() -> None:
    folder = Path(sys.argv[1])
    threads = [
        threading.Thread(target=record, args=(address, folder / f"{number}.mp4"), daemon=True)
        for number, address in enumerate(sys.argv[2:])
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


if __name__ == "__main__":
    main()
