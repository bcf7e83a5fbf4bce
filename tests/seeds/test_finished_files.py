"""Finished files in folders, by the real program, as the systems that people come from made them."""

import itertools
import json
import os
import re
import secrets
import socket
import stat
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import av
import pytest

from tawny.testing.waiting import until
from tests.delivery.destinations.servers import SSHD, ssh_server
from tests.e2e.conftest import Tawny, tawny
from tests.seeds.test_past_spans import hashes

BERLIN = ZoneInfo("Europe/Berlin")
CAMERA = """[cameras.yard]
name = "Front Door/Left"
source = "demo:garden"
pre = "3 s"
post = "3 s"
detection.detector = "off"
"""


@dataclass
class House:
    """A recorder in Berlin, and a program that is told of its files."""

    root: Path
    told: socket.socket
    config: Path
    objects: list[dict[str, Any]] = field(default_factory=list)

    def command(self, *words: str) -> dict[str, Any]:
        line = [str(Path(sys.executable).with_name("tawny")), *words, "--json", "--config", str(self.config)]
        done = subprocess.run([*line, "--data", str(self.root / "data")], capture_output=True, timeout=60, check=False)
        assert done.returncode == 0, done.stderr
        return dict(json.loads(done.stdout))

    def heard(self) -> list[dict[str, Any]]:
        """All that was told until now."""
        while True:
            try:
                self.objects.append(json.loads(self.told.recv(65536)))
            except BlockingIOError:
                return self.objects

    def files(self, one: str) -> list[dict[str, Any]]:
        """What was told of the files of a set."""
        return [
            each["file"] for each in self.heard() if each.get("type") == "file.finished" and each["file"]["set"] == one
        ]

    def wait_for(self, one: str, count: int) -> list[dict[str, Any]]:
        until(lambda: len(self.files(one)) >= count, 60, f"{count} files of {one}")
        return self.files(one)


def settings(root: Path, name: str) -> str:
    def files(one: str, **how: object) -> str:
        lines = [f"{key} = {json.dumps(value)}" for key, value in {"folder": str(root / one), **how}.items()]
        return "\n".join([f"[files.{one}]", *lines, ""])

    return CAMERA + "".join(
        (
            f'[webhooks.post]\nurl = "unix:@{name}"\nevents = ["file"]\n[webhooks.old]\nurl = "unix:@{name}"\n',
            'format = "pancake"\ncameras = ["yard"]\nfiles = ["pancake", "edges"]\n',
            files("pieces", names="diycam", every="10 s"),
            files("rom", names="rom-cam", every="10 s"),
            files("span", names="sudocam", every="10 s"),
            files("pancake", names="pancake-clock", every="10 s"),
            files("edges", folder=str(root / "pancake"), names="pancake", split="transitions"),
            files("videos", names="ropey-cam", split="events"),
            files("all", names="pancake", split="events", first="3 s", every="10 s"),
        )
    )


def running(root: Path, text: str) -> Iterator[Tawny]:
    config = root / "tawny.toml"
    config.write_text(text)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TZ", "Europe/Berlin")
        yield from tawny("run", "--config", str(config), "--listen", "127.0.0.1:0", folder=root / "data")


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """It has recorded an event of 14 s."""
    root, name = tmp_path_factory.mktemp("files"), f"tawny-test-{secrets.token_hex(8)}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as result:
        result.bind(f"\0{name}")
        result.setblocking(False)
        for _ in running(root, settings(root, name)):
            made = House(root, result, root / "tawny.toml")
            made.wait_for("pieces", 1)
            opened = made.command("event", "open", "yard", "--kind", "person", "--key", "one")
            made.wait_for("pieces", 2)
            made.wait_for("pieces", 3)
            made.command("event", "close", "one")
            made.wait_for("videos", 1)
            assert opened["event"]
            yield made


def seconds(file: dict[str, Any]) -> tuple[float, float]:
    """Begin and end, s since 1970."""
    begin, end = (datetime.fromisoformat(str(file[key])).timestamp() for key in ("start", "end"))
    return begin, end


def pictures(path: Path) -> list[float]:
    """When each picture is shown, s from the begin of the file."""
    with av.open(str(path)) as film:
        stream = film.streams.video[0]
        assert stream.time_base is not None
        assert len(list(film.decode(stream))) > 0
        film.seek(0)
        return sorted(
            float(one.pts * stream.time_base) for one in film.demux(stream) if one.pts is not None and one.size
        )


def local(at_s: float, form: str) -> str:
    return datetime.fromtimestamp(int(at_s), UTC).astimezone(BERLIN).strftime(form)


def test_dy5_pieces_by_time_with_local_names(house: House) -> None:
    for file in house.wait_for("pieces", 3)[:3]:
        begin_s, end_s = seconds(file)
        assert file["name"] == f"camyard_{local(begin_s, '%Y%m%d_%H%M%S')}.mp4"
        assert end_s % 10 < 2.5
        assert pictures(Path(file["path"]))[0] == pytest.approx(0, abs=0.05)


def test_pk9_split_by_the_clock_with_no_frame_lost_and_each_told_once(house: House) -> None:
    files = house.wait_for("pieces", 3)
    assert len({file["name"] for file in files}) == len(files)
    for before, after in itertools.pairwise(files[:3]):
        assert before["end"] == after["start"]
        assert seconds(before)[1] % 10 < 2.5  # within a keyframe's time of the mark
    packets = [one for file in files[:3] for one in hashes("-i", str(file["path"]))]
    stored = [one for path in sorted((house.root / "data").rglob("*.main*.mp4")) for one in hashes("-i", str(path))]
    begin = stored.index(packets[0])
    assert packets == stored[begin : begin + len(packets)]


def test_rc2_the_cameras_name_is_safe_in_file_names(house: House) -> None:
    assert {file["name"].split("/")[0] for file in house.wait_for("rom", 1)} == {"front_door_left"}


def test_rc17_every_piece_is_kept_by_its_start_second(house: House) -> None:
    for file in house.wait_for("rom", 2):
        path = Path(file["path"])
        assert path.name == f"{int(seconds(file)[0])}.mp4"
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_sc26_names_of_begin_and_end(house: House) -> None:
    for file in house.wait_for("span", 2):
        found = re.fullmatch(r"yard/(\d{8}T\d{9}Z)-(\d{8}T\d{9}Z)\.mp4", file["name"])
        assert found
        answer = [str(file[key]).translate(str.maketrans("", "", "-:.")) for key in ("start", "end")]
        assert [found[1], found[2]] == answer


def test_pk10_a_clip_around_each_transition(house: House) -> None:
    until(lambda: len(house.files("edges")) == 2, 60, "both")
    first, last = house.files("edges")
    for file in (first, last):
        begin_s, end_s = seconds(file)
        assert 4 <= end_s - begin_s <= 6 + 2.5
    clips = {file["path"] for file in house.files("edges")}
    found = [(one["h264"] == first["path"], one["detection"]) for one in house.heard() if one.get("h264") in clips]
    assert found == [(True, True), (False, False)]


def test_pk11_all_of_a_detection_after_its_edge(house: House) -> None:
    until(lambda: seconds(house.files("all")[-1])[1] >= seconds(house.files("videos")[0])[1] - 0.25, 60, "the end")
    until(lambda: len(house.files("all")) >= 3, 60, "the third file")
    files = house.files("all")
    assert len(files) >= 3
    assert all(before["end"] == after["start"] for before, after in itertools.pairwise(files))
    begin_s, whole_s = seconds(files[0])[0], seconds(files[-1])[1] - seconds(files[0])[0]
    assert abs(begin_s - seconds(house.files("videos")[0])[0]) < 0.2
    assert whole_s > 14
    packets = [one for file in files for one in hashes("-i", str(file["path"]))]
    assert packets == hashes("-i", str(house.files("videos")[0]["path"]))


def test_pk12_both_sets_in_one_folder(house: House) -> None:
    names = sorted(path.name for path in (house.root / "pancake").iterdir() if not path.name.startswith("."))
    assert len([name for name in names if re.fullmatch(r"\d{8}-\d{6}\.mp4", name)]) == 2
    assert any(re.fullmatch(r"\d{8}-\d{4}(-\d+)?\.mp4", name) for name in names)
    found = [one["h264"] for one in house.heard() if "h264" in one]
    assert sorted(set(found)) == sorted(found)


def test_pk17_each_file_is_told_to_receivers_of_pancake(house: House) -> None:
    found = [one["h264"] for one in house.heard() if "h264" in one]
    assert found
    assert all(Path(path).is_file() and path.startswith(str(house.root / "pancake")) for path in found)


def test_rp12_a_counter_local_time_and_a_snapshot_of_the_same_stem(house: House) -> None:
    (video,) = house.files("videos")
    path = Path(video["path"])
    assert path.name == f"00001_{local(seconds(video)[0], '%Y%m%d_%H%M%S')}.mp4"
    until(lambda: path.with_suffix(".jpg").is_file(), 60, "the snapshot")
    assert path.with_suffix(".jpg").read_bytes()[:2] == b"\xff\xd8"
    begin_s, end_s = seconds(video)
    assert end_s - begin_s > 14


def test_rp29_only_whole_files_are_in_the_folder(house: House) -> None:
    """Those that are being written have hidden names; what is deleted from outside stays deleted."""
    path = Path(house.files("rom")[0]["path"])
    path.unlink()
    house.wait_for("rom", len(house.files("rom")) + 1)
    assert not path.exists()
    names = [path.name for path in (house.root / "rom").rglob("*") if path.is_file()]
    assert all(re.fullmatch(r"\d+\.mp4|\..+\.part", name) for name in names)


@pytest.mark.skipif(not SSHD.exists(), reason="OpenSSH's server is not installed: apt install openssh-server")
def test_pk21_scp_into_folders_of_the_local_day_that_are_created(tmp_path: Path) -> None:
    with ssh_server(tmp_path) as server:
        text = (
            f'[destinations.nas]\nurl = "scp://{os.environ.get("USER", "root")}@127.0.0.1:{server.port}/%2F'
            f'{str(tmp_path)[1:]}/base/cam"\nkey = "{server.key}"\nhost_key = "{server.host_key}"\n'
            f'create_folder = true\nupload = []\n[files.days]\ndestination = "nas"\nevery = "10 s"\n'
            'names = "{local:%Y}/{local:%m}/{local:%d}/{local:%Y%m%d-%H%M%S}.{type}"\n'
        )
        for _ in running(tmp_path, CAMERA + text):
            until(lambda: len(list((tmp_path / "base").rglob("*.mp4"))) > 0, 60, "a file")
            path = next((tmp_path / "base").rglob("*.mp4"))
            day = str(path.relative_to(tmp_path / "base" / "cam"))
            assert re.fullmatch(r"(\d{4})/(\d\d)/(\d\d)/\1\2\3-\d{6}\.mp4", day)
            begin = datetime.strptime(path.stem, "%Y%m%d-%H%M%S").replace(tzinfo=BERLIN).timestamp()
            assert 0 < path.stat().st_mtime - begin <= 12.5


def test_pk9_the_last_file_at_a_stop_and_none_by_halves_after_a_kill(tmp_path: Path) -> None:
    """Killed and started again, the files go on; stopped, the last one is there."""
    out, text = (
        tmp_path / "out",
        CAMERA + f'[files.all]\nfolder = "{tmp_path}/out"\nnames = "pancake"\nevery = "10 s"\n',
    )

    def files() -> list[Path]:
        return sorted(path for path in out.glob("*") if not path.name.startswith("."))

    config = tmp_path / "tawny.toml"
    config.write_text(text)
    line = [str(Path(sys.executable).with_name("tawny")), "run", "--config", str(config), "--listen", "127.0.0.1:0"]
    first = subprocess.Popen(
        [*line, "--data", str(tmp_path / "data")], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        until(lambda: len(files()) >= 1, 90, "a file")
    finally:
        first.kill()
        first.wait(10)
    count = len(files())
    for _ in running(tmp_path, text):
        until(lambda: len(files()) > count, 90, "the next one")
        written = len(files())
    assert written < len(files()) <= written + 2  # a mark of the clock may fall into the time that the stop takes
    lengths = [pictures(path)[-1] for path in files()]
    assert all(length < 10 + 2.5 for length in lengths)  # short ones are right: a kill or a stop came soon after a mark
