"""Stands in for Raspberry Pi's camera program: takes its words, and writes a film to its output as that does."""

import sys
from pathlib import Path

from tawny.media.codec.nal import annexb
from tawny.model.packets import VideoFormat
from tawny.testing.clips import ClipSpec, made_clip

_PROGRAM = """#!{python}
import json, sys, time
from pathlib import Path
here = Path(__file__).parent
if "--list-cameras" in sys.argv:
    print("Available cameras\\n-----------------\\n0 : {sensor} [4608x2592 10-bit RGGB] (/base/soc/i2c0mux/i2c@1)")
    sys.exit(0)
(here / "words.json").write_text(json.dumps(sys.argv[1:]))
said = dict(zip(sys.argv[1::2], sys.argv[2::2]))
if {wrong!r} or said["--camera"] != "0":
    wrong = {wrong!r} or "selected camera is not available"
    print("[0:01:23.4] [99]  INFO Camera camera_manager.cpp:325 libcamera v0.3.0", file=sys.stderr)
    print(f"ERROR: *** {{wrong}} ***", file=sys.stderr)
    sys.exit(255)
if said["--codec"] == "yuv420":
    width, height = int(said["--width"]), int(said["--height"])
    for number in range(len(json.loads((here / "sizes.json").read_text())) * {rounds}):
        sys.stdout.buffer.write(bytes([number % 200 + 16]) * width * height + bytes([128]) * (width * height // 2))
        sys.stdout.buffer.flush()
        time.sleep({pause_s})
    sys.exit(0)
film, sizes = (here / "film.h264").read_bytes(), json.loads((here / "sizes.json").read_text())
at = 0
for number in range(len(sizes) * {rounds}):
    size = sizes[number % len(sizes)]
    at = at if number % len(sizes) else 0
    sys.stdout.buffer.write(film[at : at + size])
    sys.stdout.buffer.flush()
    at += size
    time.sleep({pause_s})
time.sleep({lasts_s})
"""


def pi_program(
    folder: Path, spec: ClipSpec | None = None, *, wrong: str = "", rounds: int = 50, pause_s: float = 0.01,
    lasts_s: float = 0.0, sensor: str = "imx708",
) -> Path:  # fmt: skip
    """wrong: what it says instead of filming. rounds: how often it is shown. lasts_s: it says nothing at the end."""
    pictures = []
    for packet in made_clip(spec or ClipSpec()).packets:
        assert isinstance(packet.format, VideoFormat)
        pictures.append(annexb(packet.data, packet.format))
    folder.mkdir(exist_ok=True)
    (folder / "film.h264").write_bytes(b"".join(pictures))
    (folder / "sizes.json").write_text(str([len(each) for each in pictures]))
    program = folder / "rpicam-vid"
    about = {"python": sys.executable, "wrong": wrong, "rounds": rounds, "pause_s": pause_s, "lasts_s": lasts_s}
    about["sensor"] = sensor
    program.write_text(_PROGRAM.format(**about))
    program.chmod(0o755)
    return program
