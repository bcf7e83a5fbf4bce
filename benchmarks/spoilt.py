"""The footage as worse cameras would have given it: dark and noisy, far away, shaking, at few pictures a second, with
light that jumps, at too few bits; and with stamps in decoding order, equal ones, and ones that step back. The truth
stays what it was. Made once, by FFmpeg, into .test/spoilt.
"""

import shutil
import subprocess
from pathlib import Path
from typing import NamedTuple

CACHE = Path(__file__).resolve().parents[1] / ".test" / "spoilt"
WIDTH = 640
MOST_BYTES = 1_000_000_000


class Way(NamedTuple):
    """How it is spoilt. kbit: a second that the encoder is held to. stamps: what FFmpeg's `setts` makes of them."""

    filters: str
    fps: int
    kbit: int
    b_frames: int = 0
    stamps: str = ""


_SMALL = f"scale={WIDTH}:-2:flags=area"
WAYS: dict[str, Way] = {
    "dark": Way(f"{_SMALL},eq=contrast=0.35:brightness=-0.28,noise=alls=16:allf=t", 10, 300),
    "far": Way(
        f"scale={WIDTH * 2 // 5 // 2 * 2}:-2:flags=area,pad={WIDTH}:ih*5/2:iw*0.6:ih*0.8:0x6c6c6c,noise=alls=7:allf=t",
        10,
        400,
    ),
    "few": Way(f"{_SMALL},noise=alls=4:allf=t", 5, 250),
    "shaking": Way(
        f"{_SMALL},crop=iw-16:ih-16:8+2*sin(11*t)*sin(0.5*t)+1.5*sin(25*t):8+1.5*sin(14*t)*sin(0.37*t)+sin(21*t)",
        12,
        500,
    ),
    "jumping light": Way(
        f"{_SMALL},eq=eval=frame:contrast='1-0.25*between(mod(t,23),9,11)+0.2*between(mod(t,31),20,26)'"
        ":brightness='0.06*between(mod(t,17),13,14.5)'",
        10,
        400,
    ),
    "few bits": Way(f"{_SMALL},noise=alls=9:allf=t", 15, 130),
}
_BACK = "pts=PTS+1024*(10-{})"
"""So many images earlier than ten images late. An MP4 file of 12 fps has 1024 ticks for each."""
STAMPS: dict[str, Way] = {
    "stamps as they should be": Way(_SMALL, 12, 500, 3),
    "stamps in decoding order": Way(_SMALL, 12, 500, 3, "pts=DTS"),
    "stamps back by 1 to 3 images": Way(_SMALL, 12, 500, 0, _BACK.format("2*max(0\\,mod(N\\,7)-3)")),
    "each keyframe's stamp twice": Way(_SMALL, 12, 500, 0, _BACK.format("eq(mod(N\\,24)\\,1)")),
}
"""Watched and scanned."""


def spoilt_clip(clip: Path, name: str) -> Path:
    """The clip, spoilt in this way. FileNotFoundError without FFmpeg."""
    if shutil.which("ffmpeg") is None:
        raise FileNotFoundError("ffmpeg is not installed: it spoils the clips")
    path = CACHE / f"{clip.stem}-{name.replace(' ', '-')}.mp4"
    if not path.is_file():
        CACHE.mkdir(parents=True, exist_ok=True)
        _make(clip, path, (WAYS | STAMPS)[name])
    return path


def _make(clip: Path, path: Path, way: Way) -> None:
    part, rate = path.with_suffix(".part"), f"{way.kbit}k"
    encode = ("-c:v", "libx264", "-preset", "veryfast", "-threads", "1", "-bf", str(way.b_frames))
    bits = ("-b:v", rate, "-maxrate", rate, "-bufsize", f"{2 * way.kbit}k", "-g", str(2 * way.fps))
    bits += ("-sc_threshold", "0", *(("-bsf:v", f"setts={way.stamps}") if way.stamps else ()))
    subprocess.run(
        ["ffmpeg", "-nostdin", "-v", "error", "-y", "-i", str(clip), "-an", "-vf", f"fps={way.fps},{way.filters}",
         "-pix_fmt", "yuv420p", *encode, *bits, "-fs", str(MOST_BYTES), "-f", "mp4", str(part)], check=True,
    )  # fmt: skip
    part.replace(path)
