"""A camera's two streams as films: a demo place with its wind, noise and passages, as a real camera would send them."""

import subprocess
from pathlib import Path

from benchmarks.peers import CACHE
from tawny.sources.demo.renderer import SceneRenderer
from tawny.sources.demo.world import SCENES, DemoWorld

FPS, SUB_FPS = 15, 5
SCENE_SEED = 1
SHAPE = ["-bf", "0", "-sc_threshold", "0", "-pix_fmt", "yuv420p", "-c:v", "libx264", "-preset", "veryfast"]


def films(scene: str, length_s: int, *, quiet: bool) -> dict[str, Path]:
    """`main`: 1080p, 15 pictures a second, 4 Mbit/s; `sub`: 640x360, 5 a second. Keyframes every 2 s. Made once.

    quiet: nobody comes by; else somebody does every 30 to 90 s.
    """
    name = f"{scene}-{length_s}{'-quiet' if quiet else ''}"
    made = {stream: CACHE / f"{name}-{stream}.mp4" for stream in ("main", "sub")}
    if not all(path.exists() for path in made.values()):
        _make(scene, length_s, made, quiet=quiet)
    return made


def _make(scene: str, length_s: int, made: dict[str, Path], *, quiet: bool) -> None:
    CACHE.mkdir(parents=True, exist_ok=True)
    painter = SceneRenderer(DemoWorld(SCENES[scene], 0.0, SCENE_SEED, quiet=quiet), 1)
    size = f"{painter.width}x{painter.height}"
    pictures = ["-f", "rawvideo", "-pix_fmt", "yuv420p", "-s", size, "-r", str(FPS), "-i", "-"]
    main = ["-vf", "scale=1920:1080,noise=alls=5:allf=t", *_rate("4M", FPS), str(made["main"])]
    sub = ["-vf", f"fps={SUB_FPS},scale=640:360", *_rate("300k", SUB_FPS), str(made["sub"])]
    command = ["ffmpeg", "-hide_banner", "-loglevel", "error", "-y", *pictures, *main, *sub]
    with subprocess.Popen(command, stdin=subprocess.PIPE) as process:
        assert process.stdin is not None
        for number in range(length_s * FPS):
            process.stdin.write(painter.paint(number / FPS, 1_700_000_000_000 + number * 1000 // FPS).tobytes())
        process.stdin.close()
        if process.wait():
            raise RuntimeError("ffmpeg could not make the films")


def _rate(bit_rate: str, fps: int) -> list[str]:
    return [*SHAPE, "-b:v", bit_rate, "-maxrate", bit_rate, "-bufsize", bit_rate, "-g", str(2 * fps)]
