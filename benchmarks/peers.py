"""What comparisons need: clips, an RTSP server that is not ours, and processes whose CPU and memory are counted."""

import contextlib
import os
import resource
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

CACHE = Path(__file__).parent.parent / ".test" / "benchmarks"
PAGE_BYTES = resource.getpagesize()
TICKS_A_SECOND = os.sysconf("SC_CLK_TCK")


def clip(name: str, size: str, fps: int, bit_rate: str, length_s: int) -> Path:
    """An H.264 clip of noise and shapes, a keyframe every 2 s; made once, of a short part that is repeated."""
    path = CACHE / f"{name}-{size}-{fps}-{bit_rate}-{length_s}.mp4"
    if path.exists():
        return path
    CACHE.mkdir(parents=True, exist_ok=True)
    part = CACHE / f"part-{os.getpid()}.mp4"
    source = f"testsrc2=size={size}:rate={fps},noise=alls=12:allf=t"
    encode = ["-c:v", "libx264", "-preset", "veryfast", "-b:v", bit_rate, "-maxrate", bit_rate, "-bufsize", bit_rate]
    shape = ["-g", str(2 * fps), "-keyint_min", str(2 * fps), "-sc_threshold", "0", "-bf", "0", "-pix_fmt", "yuv420p"]
    ffmpeg("-f", "lavfi", "-i", source, "-t", "20", *encode, *shape, str(part))
    ffmpeg("-stream_loop", str(length_s // 20 + 1), "-i", str(part), "-c", "copy", "-t", str(length_s), str(path))
    part.unlink()
    return path


def ffmpeg(*words: str) -> None:
    subprocess.run(["ffmpeg", "-hide_banner", "-loglevel", "error", "-y", *words], check=True)


@dataclass
class Counted:
    """A running process."""

    process: subprocess.Popen[bytes]

    def cpu_s(self) -> float:
        """User and system seconds so far, of it alone."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / TICKS_A_SECOND

    @property
    def is_running(self) -> bool:
        return self.process.poll() is None

    def rss_mb(self) -> float:
        """Resident memory now."""
        pages = int(Path(f"/proc/{self.process.pid}/statm").read_text().split()[1])
        return pages * PAGE_BYTES / 1e6


@contextlib.contextmanager
def running(words: Sequence[str], *, quiet: bool = True, cwd: Path | None = None) -> Iterator[Counted]:
    """A process, ended by SIGTERM at the end, or killed if it does not listen."""
    nowhere = subprocess.DEVNULL if quiet else None
    process = subprocess.Popen(list(words), stdin=subprocess.DEVNULL, stdout=nowhere, stderr=nowhere, cwd=cwd)
    try:
        yield Counted(process)
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def tawny() -> str:
    return str(Path(sys.executable).with_name("tawny"))


def watch_for(seconds: float, tell: str) -> None:
    """Let time pass, saying how much is left."""
    until = time.monotonic() + seconds
    while (left := until - time.monotonic()) > 0:
        print(f"\r\x1b[K{tell}: {left:.0f} s left", end="", file=sys.stderr, flush=True)
        time.sleep(min(left, 5.0))
    print("\r\x1b[K", end="", file=sys.stderr, flush=True)


def report(name: str, ours: float, theirs: float, of: str, budget: float) -> bool:
    """One line with the ratio; whether it is within the budget."""
    ratio = ours / theirs
    print(f"{name}: {ratio:.2f} of {of} (budget {budget:g}){'' if ratio <= budget else '  OVER BUDGET'}")
    return ratio <= budget
