"""Every answer of a camera is read or refused within a budget of time and memory.

ONVIF (SOAP), SDP, RTSP, RTP and RTCP, RTMP with its commands, playlists, JPEGs of a multipart response, MPEG-TS in
datagrams, AAC frames and bare video.

A sample by default. `./test --long` reads 10 million, in as many processes as there are cores.
"""

import os
import subprocess
import sys
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

import pytest

from tests.attacks.camera_answers import KINDS
from tests.attacks.faulty_parsers import FAULTS

SAMPLE, PIECE = 1_000, 50_000
ALL: Final = {
    "onvif": 1_000_000,
    "sdp": 800_000,
    "rtsp": 1_200_000,
    "rtcp": 4_000_000,
    "rtmp": 1_000_000,
    "hls": 600_000,
    "jpeg": 700_000,
    "bytes": 700_000,
}


def run(module: str, *words: str) -> subprocess.CompletedProcess[str]:
    """In a process of its own, whose memory is measured."""
    root = Path(__file__).parents[2]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join((str(root / "src"), str(root)))}
    command = [sys.executable, "-m", f"tests.attacks.{module}", *words]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


def failed(ran: Iterable[subprocess.CompletedProcess[str]]) -> list[str]:
    return [one.stdout + one.stderr for one in ran if one.returncode]


@pytest.mark.parametrize("kind", KINDS)
def test_a_sample_of_answers_keeps_the_budget(kind: str) -> None:
    assert not failed([run("camera_answers", kind, "--count", str(SAMPLE))])


@pytest.mark.parametrize(
    "fault", [pytest.param(one, marks=[pytest.mark.plain] if one == "surprise" else []) for one in FAULTS]
)
def test_a_faulty_parser_is_found(fault: str) -> None:
    ran = run("faulty_parsers", fault)
    assert ran.returncode == 0, ran.stderr
    assert "Finding(" in ran.stdout


@pytest.mark.long
def test_ten_million_answers_keep_the_budget() -> None:
    assert set(ALL) == set(KINDS)
    assert sum(ALL.values()) == 10_000_000
    pieces = [(kind, begin) for kind, count in ALL.items() for begin in range(0, count, PIECE)]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        ran = pool.map(
            lambda piece: run("camera_answers", piece[0], "--begin", str(piece[1]), "--count", str(PIECE)), pieces
        )
        assert not failed(ran)
