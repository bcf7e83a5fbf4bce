"""Every answer of a camera is read or refused within a budget of time and memory: ONVIF, SDP, RTSP, RTP and RTCP.

A sample by default. `./test --long` reads 10 million, in as many processes as there are cores.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.attacks.camera_answers import KINDS, campaign

SAMPLE, ALL, PIECE = 200, 10_000_000, 50_000


@pytest.mark.parametrize("kind", KINDS)
def test_a_sample_of_answers_keeps_the_budget(kind: str) -> None:
    assert not list(campaign(kind, range(SAMPLE), memory_every=4))


@pytest.mark.long
@pytest.mark.parametrize("kind", KINDS)
def test_ten_million_answers_keep_the_budget(kind: str) -> None:
    root = Path(__file__).parents[2]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join((str(root / "src"), str(root)))}
    begins = list(range(0, ALL // len(KINDS), PIECE))
    while begins:
        now, begins = begins[: os.cpu_count() or 1], begins[os.cpu_count() or 1 :]
        command = [
            sys.executable,
            "-m",
            "tests.attacks.camera_answers",
            kind,
            "--share",
            "0.002",
            "--count",
            str(PIECE),
        ]
        running = [
            subprocess.Popen([*command, "--begin", str(begin)], env=environment, stdout=subprocess.PIPE, text=True)
            for begin in now
        ]
        ended = [(one.communicate()[0], one.returncode) for one in running]
        assert not [output for output, code in ended if code], ended
