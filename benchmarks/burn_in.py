"""Burning in privacy masks, compared with FFmpeg that decodes, draws a box and encodes with the same settings.

    python -m benchmarks.burn_in [VIDEO …]

Without a file, made clips of 720p and 1080p in H.264 and H.265. For each: CPU time as a share of the video's length,
for tawny and for FFmpeg (`-vf drawbox -c:v libx264`), their ratio, and the size in relation to the stream that was
sent. For comparison, `ffmpeg -c copy`, which is what recording costs FFmpeg without masks.
"""

import argparse
import resource
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from tawny.media.codec.mask_burner import CRF, PRESET
from tawny.model.geometry import Polygon
from tawny.model.packets import VIDEO_RATE, SourcePacket
from tawny.sources.masking_process import MaskedPacket, MaskingEnd, MaskingProcess, PacketDone
from tawny.testing.clips import ClipSpec, clip_file, read_clip

MASK = Polygon(((0.0, 0.0), (0.3, 0.0), (0.3, 0.4), (0.0, 0.4)))
MADE = [
    ClipSpec(codec=codec, width=width, height=height, fps=15, seconds=12.0, gop_s=2.0, detail=8)
    for codec in ("h264", "h265")
    for width, height in ((1280, 720), (1920, 1080))
]


class Burned(NamedTuple):
    cpu_s: float
    size_bytes: int


def burn(packets: Sequence[SourcePacket], fps: float) -> Burned:
    """Burn in the mask as the recorder does, as fast as it goes."""
    process, cpu_s, size_bytes = MaskingProcess(), 0.0, 0
    try:
        for packet in packets:
            process.pass_on(packet, (MASK,), fps)
        process.end()
        while not isinstance(message := process.read(60.0), MaskingEnd):
            if isinstance(message, MaskedPacket):
                size_bytes += len(message.data)
            elif isinstance(message, PacketDone):
                cpu_s = message.cpu_s
        assert not message.why, message.why
    finally:
        process.close()
    return Burned(cpu_s, size_bytes)


def ffmpeg_cpu_s(words: Sequence[str]) -> float:
    """Run FFmpeg. Return its CPU time, s."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(["ffmpeg", "-v", "error", "-y", *words], check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("videos", type=Path, nargs="*", metavar="VIDEO")
    files = parser.parse_args().videos or [clip_file(spec) for spec in MADE]
    for file in files:
        clip = read_clip(file)
        packets = [one for one in clip.packets if one.is_video]
        seconds = len(packets) / clip.fps
        sent_bytes = sum(len(one.data) for one in packets)
        made = burn(packets, clip.fps)
        with tempfile.TemporaryDirectory() as folder:
            out = str(Path(folder, "out.mp4"))
            box = "drawbox=x=0:y=0:w=iw*0.3:h=ih*0.4:color=black:t=fill"
            encode = ["-c:v", "libx264", "-preset", PRESET, "-crf", f"{CRF:g}", "-tune", "zerolatency", "-an"]
            theirs_s = ffmpeg_cpu_s(["-i", str(file), "-vf", box, *encode, out])
            copy_s = ffmpeg_cpu_s(["-i", str(file), "-c", "copy", "-an", out])
        video = clip.video
        print(
            f"{video.codec} {video.width} × {video.height}, {clip.fps:g} fps: {made.cpu_s / seconds:.1%} of a core, "
            f"FFmpeg {theirs_s / seconds:.1%}: {made.cpu_s / theirs_s:.2f} times; copied {copy_s / seconds:.1%}; "
            f"size {made.size_bytes / sent_bytes:.2f} of {sent_bytes * 8 / seconds / 1e6:.1f} Mbit/s "
            f"({(packets[-1].pts - packets[0].pts) / VIDEO_RATE:.0f} s)"
        )


if __name__ == "__main__":
    main()
