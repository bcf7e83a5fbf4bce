"""Sends a clip again and again with the FFmpeg inside PyAV, which is newer than Debian's: it puts H.265 into FLV.

python -m tests.sources.sender CLIP FORMAT OUTPUT SPEED [KEY=VALUE …]
"""

import sys
import threading
import time
from itertools import count
from typing import Any

import av


def send(clip: str, form: str, output: str, speed: float, options: dict[str, str]) -> None:
    """output: a file, an address, or `-` for standard output. speed: times as fast as the clip says."""
    target: Any = sys.stdout.buffer if output == "-" else output
    begun_s, pause = time.monotonic(), threading.Event()
    with av.open(target, "w", format=form, options=options) as out, av.open(clip) as first:
        streams = {one.index: out.add_stream_from_template(one) for one in first.streams}
        length_s = float((first.duration or 0) / av.time_base)
        for turn in count():
            with av.open(clip) as source:
                for packet in source.demux():
                    if packet.dts is None or packet.pts is None:
                        continue
                    assert packet.time_base is not None
                    shift = round(turn * length_s / packet.time_base)
                    packet.pts, packet.dts = packet.pts + shift, packet.dts + shift
                    pause.wait(max(0.0, begun_s + float(packet.dts * packet.time_base) / speed - time.monotonic()))
                    packet.stream = streams[packet.stream.index]
                    out.mux(packet)


if __name__ == "__main__":
    clip, form, output, speed, *options = sys.argv[1:]
    send(clip, form, output, float(speed), dict(one.split("=", 1) for one in options))
