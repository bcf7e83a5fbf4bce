"""What confinement costs a detector of a user: processor time of the same work in `detect()`, and in plain Python.

    python -m benchmarks.confined [--times 8]

The work of a detector is arithmetic, and the kernel checks system calls only. Both run in one thread, at the priority
of user code. Exit: 1 if the median ratio is over 1.15.
"""

import argparse
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from statistics import median

import numpy as np

from tawny.engine.user_script import UserScript
from tawny.engine.user_script_process import ONE_THREAD

MOST = 1.15
WORK = """
import time
begun = time.process_time()
for n in range(200):
    small = cv2.resize(frame.rgb, (640, 360)); cv2.absdiff(small, small).mean()
    np.frombuffer(bytes(100_000), np.uint8).sum()
print(time.process_time() - begun)
"""
PLAIN = f"import cv2, numpy as np, os\nos.nice(10)\nclass frame: rgb = np.zeros((90, 160, 3), np.uint8)\n{WORK}"


def main(words: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--times", type=int, default=8)
    args = parser.parse_args(words)
    with tempfile.TemporaryDirectory() as folder:
        ratios = [confined_s(Path(folder)) / plain_s() for _ in range(args.times)]
    print(f"confined, of plain Python: {median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f}); at most {MOST}")
    return int(median(ratios) > MOST)


def confined_s(folder: Path) -> float:
    file = folder / "detect.py"
    body = WORK.strip().replace("\n", "\n    ")
    file.write_text(f"import cv2, numpy as np\ndef detect(frame):\n    {body}\n    return True\n")
    script = UserScript(file, "detect", deadline_s=60.0, memory=1 << 30)
    try:
        script.load()
        script.printed = ""
        script.ask(1_795_000_000_000, "porch", np.zeros((90, 160, 3), np.uint8))
        return float(script.printed)
    finally:
        script.close()


def plain_s() -> float:
    done = subprocess.run(
        [sys.executable, "-c", PLAIN], env={**os.environ, **ONE_THREAD}, capture_output=True, text=True, check=True
    )
    return float(done.stdout)


if __name__ == "__main__":
    sys.exit(main())
