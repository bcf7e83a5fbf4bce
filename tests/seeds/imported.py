"""An example of another recorder, imported by the real command and run by the real program from other folders.

Its minutes are scaled: a file of "about a minute" is 4 s long, and the wall clock may begin at a chosen time. Nothing
else of the program is changed.
"""

import json
import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np

from tawny.testing.waiting import until
from tests.sources.pi_program import pi_program
from tests.support.processes import ended

FPS = 10
SEGMENT_S = 4.0
_PROGRAM = """
import sys
from tawny.model.times import SystemClock
from tawny.recorder import segmenter
ahead_ms, real = {ahead_ms}, SystemClock.now_ms
SystemClock.now_ms = lambda clock: real(clock) + ahead_ms
segmenter.SEGMENT_S = {segment_s}
from tawny.cli.main import main
sys.exit(main(sys.argv[1:]))
"""


def film(path: Path, pictures: Sequence[Any], fps: int = FPS) -> Path:
    """Encode pictures, uint8 [height, width, 3] or [height, width], with a keyframe every second."""
    with av.open(str(path), "w") as out:
        stream: Any = out.add_stream("libx264", rate=fps)
        stream.height, stream.width = pictures[0].shape[:2]
        stream.pix_fmt, stream.options = "yuv420p", {"preset": "ultrafast", "tune": "zerolatency"}
        stream.codec_context.gop_size = fps
        for number, picture in enumerate(pictures):
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24" if picture.ndim == 3 else "gray")
            frame.pts, frame.time_base = number, Fraction(1, fps)
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    return path


def red(width: int = 320, height: int = 240, seconds: int = 4) -> list[Any]:
    picture = np.zeros((height, width, 3), np.uint8)
    picture[:, :, 0] = 255
    return [picture] * (seconds * FPS)


def passing(width: int = 640, height: int = 480, quiet_s: int = 5, moves_s: int = 3) -> list[Any]:
    """Grey, with a texture that moves to the right for some seconds."""
    texture = np.random.default_rng(7).integers(0, 2, (height // 3, width // 5)).astype(np.uint8) * 255
    found = []
    for number in range((2 * quiet_s + moves_s) * FPS):
        picture = np.full((height, width), 128, np.uint8)
        step = number - quiet_s * FPS
        if 0 <= step < moves_s * FPS:
            x = 20 + step * (width // (moves_s * FPS * 2))
            picture[height // 3 : height // 3 + texture.shape[0], x : x + texture.shape[1]] = texture
        found.append(picture)
    return found


def pi_camera(folder: Path, pictures: Sequence[Any]) -> Path:
    """A program that stands in for the Pi's camera and shows these pictures again and again. Return its folder."""
    pi_program(folder, rounds=1000, pause_s=1 / FPS)
    raw = film(folder / "film.h264", pictures)
    with av.open(str(raw)) as made:
        sizes = [packet.size for packet in made.demux(video=0) if packet.size]
    (folder / "sizes.json").write_text(json.dumps(sizes))
    return folder


@dataclass
class Imported:
    """folder: of the source file. config: the written settings. told: what the import printed as JSON."""

    folder: Path
    config: Path
    env: dict[str, str]
    told: dict[str, Any] = field(default_factory=dict)

    def change(self, pattern: str, new: str) -> None:
        """Change the written settings, such as the address of a service to that of its stand-in."""
        text, count = re.subn(pattern, new, self.config.read_text(), flags=re.MULTILINE)
        assert count, f"{pattern} isn't in {text}"
        self.config.write_text(text)

    @contextmanager
    def running(self, ahead_ms: int = 0) -> Iterator[Path]:
        """Run the program from another folder until the end of the context. Yield its log."""
        elsewhere = self.folder.parent / "started-here"
        elsewhere.mkdir(exist_ok=True)
        log = self.folder.parent / "run.log"
        code = _PROGRAM.format(ahead_ms=ahead_ms, segment_s=SEGMENT_S)
        words = ["run", "--config", str(self.config), "--listen", "127.0.0.1:0"]
        if tomllib.loads(self.config.read_text()).get("storage", {}).get("mode") == "memory":
            words += ["--data", str(self.folder.parent / "memory")]  # root's folder has one name on a computer
        with log.open("ab") as out:
            process = subprocess.Popen(
                [sys.executable, "-c", code, *words], cwd=elsewhere, env=self.env, stdin=subprocess.DEVNULL,
                stdout=out, stderr=out,
            )  # fmt: skip
        try:
            until(lambda: "http://" in log.read_text() or process.poll() is not None, 60, "its address")
            assert process.poll() is None, log.read_text()
            yield log
        finally:
            status = ended(process)
        assert (status, "Traceback" in log.read_text()) == (0, False), log.read_text()
        assert list(elsewhere.iterdir()) == [], "it wrote into the folder that it was started in"


def imported(folder: Path, text: str, *, home: Path | None = None, path: Path | None = None, **env: str) -> Imported:
    """Import a file from another folder. home: of the user. path: a folder with stand-ins for programs."""
    for name in ("theirs", "ours", "home"):
        (folder / name).mkdir(exist_ok=True)
    file = folder / "theirs" / "settings"
    file.write_text(text)
    home = home or folder / "home"
    own = {key: value for key, value in os.environ.items() if not key.startswith(("AWS_", "XDG_"))}
    own |= {"HOME": str(home), "PATH": f"{path}:{os.environ['PATH']}" if path else os.environ["PATH"], **env}
    config = folder / "ours" / "tawny.toml"
    program = str(Path(sys.executable).with_name("tawny"))
    done = subprocess.run(
        [program, "import", str(file), "--config", str(config), "--json"], cwd=folder, env=own, capture_output=True,
        text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    made = Imported(file.parent, config, own, json.loads(done.stdout))
    assert all(word.startswith("/") for word in re.findall(r'^(?:path|file|clips) = "(.*)"', config.read_text(), re.M))
    return made


def files(folder: Path, pattern: str = "*.mp4") -> list[Path]:
    return sorted(path for path in folder.rglob(pattern) if path.is_file())


def awaited(done: Callable[[], object], log: Path, most_s: float = 90) -> None:
    """Wait for what the running program does; if it doesn't, fail with its log."""
    try:
        until(done, most_s)
    except AssertionError as error:
        raise AssertionError(f"{error}\n{log.read_text()}") from None
