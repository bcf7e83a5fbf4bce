"""The Pi's own camera. There is none here: its program is stood in for by one that takes the same words."""

import json
import time
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from tawny.media.codec.nal import annexb
from tawny.model.errors import NoSuchDevice, SourceClosed, SourceStalled
from tawny.model.packets import VideoFormat
from tawny.sources.pi_controls import words
from tawny.sources.picamera import PiCamera, installed
from tawny.sources.source import CameraConnection
from tawny.testing.clips import ClipSpec, made_clip
from tawny.testing.clock import FakeClock
from tests.sources.pi_program import pi_program
from tests.sources.reading import opening, read_all


def open_with(program: Path, address: str = "picamera:", **options: Any) -> CameraConnection:
    return PiCamera(lambda: str(program)).open(opening(address, **options))


@pytest.mark.parametrize("spec", [ClipSpec(), ClipSpec(slices=3)])
def test_every_picture_but_the_last_comes_as_it_was_written(tmp_path: Path, spec: ClipSpec) -> None:
    sent = made_clip(spec).packets
    read = read_all(open_with(pi_program(tmp_path, spec, rounds=1, pause_s=0)))
    formats = [packet.format for packet in sent if isinstance(packet.format, VideoFormat)]
    written = [annexb(packet.data, formats[0]) for packet in sent[:-1]]
    assert [annexb(data, formats[0]) for data in read.data()] == written
    assert [packet.is_keyframe for packet in read.packets] == [packet.is_keyframe for packet in sent[:-1]]


def test_a_picture_has_the_time_at_which_it_came(tmp_path: Path) -> None:
    read = read_all(open_with(pi_program(tmp_path, rounds=1, pause_s=0.05)), until=lambda read: len(read.packets) > 20)
    passed_s = (read.packets[20].pts - read.packets[0].pts) / 90_000
    assert passed_s >= 20 * 0.05


def test_pictures_that_are_read_together_have_times_of_their_own(tmp_path: Path) -> None:
    """As on a busy computer: all were written before any is read."""
    connection = open_with(pi_program(tmp_path, ClipSpec(width=64, height=64), rounds=1, pause_s=0))
    time.sleep(0.5)  # the program's time to write them
    read = read_all(connection)
    assert len(read.packets) > 20
    assert all(later.pts > earlier.pts for earlier, later in pairwise(read.packets))


def test_the_program_is_told_what_is_set(tmp_path: Path) -> None:
    options = {"size": "640x480", "fps": 10, "mbit": 1.5, "keyframe": 4, "flip": "both", "ev": -1, "contrast": 1.2}
    open_with(pi_program(tmp_path), "picamera:0", **options).close()
    data = json.loads((tmp_path / "words.json").read_text())
    found = dict(pairwise(data))
    wanted = {
        "--camera": "0", "--width": "640", "--height": "480", "--framerate": "10", "--intra": "40",
        "--bitrate": "1500000", "--ev": "-1", "--contrast": "1.2", "--output": "-", "--timeout": "0",
    }  # fmt: skip
    assert found.items() >= wanted.items()
    assert {"--hflip", "--vflip", "--inline", "--flush", "--nopreview"} <= set(data)
    assert "--brightness" not in data


@pytest.mark.parametrize(("has_chip", "expected"), [(True, False), (False, True)])
def test_where_the_processor_encodes_it_is_named_what_comes(has_chip: bool, expected: bool) -> None:
    result = words("0", PiCamera().settings({}), has_chip=has_chip)
    assert ("--libav-format" in result) is expected


@pytest.mark.parametrize(
    "table",
    [
        {"size": "big"}, {"size": 720}, {"fps": 0}, {"fps": True}, {"mbit": 1000}, {"keyframe": "2"},
        {"flip": "sideways"}, {"brightness": 7},
    ],
)  # fmt: skip
def test_a_wrong_setting_is_named_with_what_is_allowed(table: dict[str, object]) -> None:
    (name,) = table
    with pytest.raises(ValueError, match=rf"{name}: found .*; allowed: "):
        PiCamera().settings(table)


def test_a_pi_without_a_camera_says_so(tmp_path: Path) -> None:
    with pytest.raises(NoSuchDevice, match="ribbon cable"):
        open_with(pi_program(tmp_path, wrong="no cameras available"))


def test_a_second_camera_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(NoSuchDevice, match="fewer cameras"):
        open_with(pi_program(tmp_path), "picamera:1")


def test_what_the_program_says_is_told(tmp_path: Path) -> None:
    with pytest.raises(SourceClosed, match="failed to acquire camera"):
        open_with(pi_program(tmp_path, wrong="failed to acquire camera"))


@pytest.mark.parametrize("find", [lambda: None, lambda: "/no/such/program"])
def test_a_missing_program_is_told(find: Callable[[], str | None]) -> None:
    with pytest.raises(NoSuchDevice):
        PiCamera(find).open(opening("picamera:"))


def test_an_address_that_means_nothing_is_told() -> None:
    with pytest.raises(NoSuchDevice, match="picamera:0"):
        PiCamera(lambda: "/bin/false").open(opening("picamera:front"))


def test_it_is_found_on_the_path_by_its_new_name_or_the_old(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert installed() is None
    pi_program(tmp_path).rename(tmp_path / "libcamera-vid")
    assert installed() == str(tmp_path / "libcamera-vid")
    pi_program(tmp_path)
    assert installed() == str(tmp_path / "rpicam-vid")


def test_one_that_falls_silent_has_stalled(tmp_path: Path) -> None:
    clock = FakeClock()
    program = pi_program(tmp_path, rounds=1, pause_s=0, lasts_s=60)
    connection = PiCamera(lambda: str(program)).open(opening("picamera:", clock))
    with pytest.raises(SourceStalled):
        for _ in range(1000):
            connection.read()
            clock.advance(1.0)
    begun_s = time.monotonic()
    connection.close()
    assert time.monotonic() - begun_s < 5


def test_what_it_ran_is_gone_when_it_is_closed(tmp_path: Path) -> None:
    before = len(list(Path("/proc/self/fd").iterdir()))
    connection = open_with(pi_program(tmp_path, lasts_s=60))
    connection.close()
    assert len(list(Path("/proc/self/fd").iterdir())) <= before
