"""Raspberry Pancake's worked examples, imported and run against real servers from another folder."""

import json
import os
import pwd
import re
import socket
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import asyncssh
import pytest

from tawny.media.codec.video_file import FileVideo
from tawny.testing.http_service import ReceivedRequest, StandIn, served
from tawny.testing.waiting import until
from tests.cli.conftest import Tawny, tawny
from tests.delivery.destinations.servers import SSHD, SshServer, ftp_server, ssh_server
from tests.seeds.examples import PANCAKE
from tests.seeds.imported import awaited, files, imported, pi_camera, red

__all__ = ["tawny"]

SOMETIMES = "import time\ndef detect():\n    return int(time.time()) % 8 < 3\n"
RED_ONLY = """
import time
def detect(bytes):
    is_ours = type(bytes) is type(b"") and len(bytes) == 224 * 224 * 3
    is_red = bytes[0] > 247 and bytes[1] < 8 and bytes[2] < 8
    return is_ours and is_red and int(time.time()) % 8 < 3
"""
needs_sshd = pytest.mark.skipif(not SSHD.exists(), reason="needs OpenSSH's server")


@pytest.fixture(scope="module")
def pi(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return pi_camera(tmp_path_factory.mktemp("pi") / "bin", red())


@contextmanager
def scp_user(folder: Path) -> Iterator[tuple[SshServer, Path]]:
    """A server, and the home folder of a user who has copied files there with `scp`."""
    home, server_home = folder / "pi-home", folder / "sshd"
    (home / ".ssh").mkdir(parents=True)
    server_home.mkdir()
    with ssh_server(server_home) as server:
        (home / ".ssh" / "id_ed25519").write_bytes(server.key.read_bytes())
        (home / ".ssh" / "id_ed25519").chmod(0o600)
        public = asyncssh.read_private_key(server_home / "host").export_public_key().decode().strip()
        (home / ".ssh" / "known_hosts").write_text(f"[127.0.0.1]:{server.port} {public}\n")
        yield server, home


@pytest.fixture
def ssh(tmp_path: Path) -> Iterator[tuple[SshServer, Path]]:
    with scp_user(tmp_path) as made:
        yield made


@contextmanager
def receiver(name: str) -> Iterator[list[dict[str, Any]]]:
    """Pancake's own post-processor, as far as it listens. Yield what it gets."""
    found: list[dict[str, Any]] = []
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind(f"\0{name}")
        listening.setblocking(False)

        class Heard(list[dict[str, Any]]):
            def __iter__(self) -> Iterator[dict[str, Any]]:
                while True:
                    try:
                        found.append(json.loads(listening.recv(512)))
                    except BlockingIOError:
                        return iter(found)

        yield Heard()


def user() -> str:
    return pwd.getpwuid(os.geteuid()).pw_name


def example(name: str, replaced: dict[str, str]) -> str:
    """A worked example with the addresses of this machine's servers."""
    text = PANCAKE[name]
    for theirs, ours in replaced.items():
        assert theirs in text, theirs
        text = text.replace(theirs, ours)
    return text


def plays(path: Path) -> bool:
    return FileVideo(path).duration_s > 1


@pytest.fixture(scope="module")
def continuous(pi: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[list[Path], float]:
    """The files that the first example recorded, and when its camera was opened (UTC seconds)."""
    made = imported(tmp_path_factory.mktemp("continuous"), PANCAKE["continuous"], path=pi)
    with made.running() as log:
        kept = made.folder / "recordings" / "tawny"
        awaited(lambda: files(kept), log, 60)
        opened_s = (pi / "words.json").stat().st_mtime
        awaited(lambda: len(files(kept)) >= 2, log, 60)
    return files(kept), opened_s


@pytest.mark.plain  # its segments are shorter
def test_pk9_the_first_example_records_continuously(continuous: tuple[list[Path], float]) -> None:
    assert plays(continuous[0][0])


@pytest.mark.plain  # its segments are shorter
def test_pk4_nothing_is_recorded_in_the_first_two_seconds(continuous: tuple[list[Path], float]) -> None:
    (first, *_), opened_s = continuous
    found = re.match(r"(\d{8}T\d{6}\.\d{3})Z", first.name)
    assert found
    begun_s = datetime.strptime(f"{found[1]}+0000", "%Y%m%dT%H%M%S.%f%z").timestamp()
    assert 2.0 <= begun_s - opened_s < 10


@needs_sshd
def test_pk21_the_second_example_uploads_every_file_by_scp(
    pi: Path, ssh: tuple[SshServer, Path], tmp_path: Path
) -> None:
    server, home = ssh
    there = tmp_path / "nas" / "cam"
    text = example(
        "converted",
        {"pi@nas.lan 22 /mnt/cam": f"{user()}@127.0.0.1 {server.port} {there}", "recorded": f"pk21-{os.getpid()}"},
    )
    made = imported(tmp_path, text, home=home, path=pi)
    with receiver(f"pk21-{os.getpid()}") as heard, made.running() as log:
        awaited(lambda: len(files(there)) >= 2, log, 90)
        assert re.fullmatch(r"\d{4}/\d\d/\d\d/\d{8}-\d{6}-camera\.mp4", str(files(there)[0].relative_to(there)))
        until(lambda: len(list(heard)) >= 2, 60, "messages")
        assert all(Path(one["h264"]).is_file() for one in list(heard)[:2])
    assert plays(files(there)[0])
    assert (made.folder / "post.log").read_text()


@needs_sshd
def test_pk22_the_third_example_turns_the_picture_and_uploads_twice(
    pi: Path, ssh: tuple[SshServer, Path], tmp_path: Path
) -> None:
    server, home = ssh
    there, root = tmp_path / "nas" / "cam", tmp_path / "ftp"
    root.mkdir()
    password = 's3cret#{1}"'
    with ftp_server(root, password) as port:
        text = example(
            "flipped",
            {
                "pi@nas.lan 2222 /mnt/cam": f"{user()}@127.0.0.1 {server.port} {there}",
                "ftp.example.org 21 me": f"127.0.0.1 {port} cam",
                "/srv/recordings": str(tmp_path / "srv"), "/home/pi/cam": str(tmp_path / "cam"),
            },
        )  # fmt: skip
        made = imported(tmp_path, text, home=home, path=pi)
        assert "Plain FTP" in made.told["became"]["--upload-ftp 127.0.0.1"]
        assert password not in made.config.read_text() + json.dumps(made.told)
        with made.running() as log:
            awaited(lambda: len(files(there)) >= 2 and len(files(root)) >= 2, log, 90)
    assert {path.name for path in files(there)[:2]} == {path.name for path in files(root / "cam")[:2]}
    data = json.loads((pi / "words.json").read_text())
    assert {"--hflip", "--vflip"} <= set(data)
    assert data[data.index("--width") + 1] == "1280"


@dataclass(frozen=True)
class EdgesRun:
    """What the fourth example did: its messages, what the receiver got, and the uploads before and at its minute."""

    telegram: list[tuple[str, bytes]]
    received: list[dict[str, Any]]
    early: list[Path]
    uploads: tuple[list[Path], list[Path]]


def until_minute_ms(minute: int, second: int = 0) -> int:
    """Return how far ahead a clock is that shows this minute of an hour now."""
    now = datetime.now().astimezone()
    wanted = now.replace(minute=minute, second=second, microsecond=0)
    return round((wanted - now + timedelta(hours=1)).total_seconds() * 1000)


@pytest.fixture(scope="module")
def edges_run(pi: Path, tmp_path_factory: pytest.TempPathFactory) -> EdgesRun:
    if not SSHD.exists():
        pytest.skip("needs OpenSSH's server")
    folder = tmp_path_factory.mktemp("edges")
    one, two, name = folder / "one", folder / "two", f"pk10-{os.getpid()}"
    (folder / "pancake").mkdir()
    (folder / "pancake" / "customize.py").write_text(SOMETIMES)
    with ExitStack() as stack:
        server, home = stack.enter_context(scp_user(folder))
        telegram = stack.enter_context(served(StandIn(lambda asked: (200, {"ok": True, "result": {"message_id": 7}}))))
        text = example(
            "edges",
            {
                "pi@one.lan 22 /mnt/cam": f"{user()}@127.0.0.1 {server.port} {one}",
                "pi@two.lan 22 cam": f"{user()}@127.0.0.1 {server.port} {two}",
                "/srv/pancake": str(folder / "pancake"), "recorded": name,
            },
        )  # fmt: skip
        made = imported(folder, text, home=home, path=pi)
        assert "customize.py" in made.told["became"]
        made.change(r"^(url = \"telegram.*)$", f'\\1\napi = "{telegram.base}"')
        heard = stack.enter_context(receiver(name))
        with made.running(until_minute_ms(22)) as log:
            awaited(lambda: len(edges(telegram.asked)) >= 4, log, 120)
            awaited(lambda: len([answer for answer in heard if "detection" in answer]) >= 4, log, 60)
            early = [*files(one), *files(two)]
            received = [answer for answer in heard if "detection" in answer]
        with made.running(until_minute_ms(39, second=30)) as log:
            awaited(lambda: files(one) and files(two), log, 120)
        return EdgesRun(edges(telegram.asked), received, early, (files(one), files(two)))


@pytest.mark.long
def test_pk10_each_change_makes_a_clip_and_a_message_to_the_receiver(edges_run: EdgesRun) -> None:
    texts = [text for text, _ in edges_run.telegram]
    assert [one["detection"] for one in edges_run.received[:3]] == [text.endswith("True") for text in texts[:3]]
    late = edges_run.received[2:4]  # the first two may come when the camera has just been opened
    assert len(late) == 2
    assert all(3 < FileVideo(Path(one["h264"])).duration_s < 8.5 for one in late)


@pytest.mark.long
def test_pk20_uploads_wait_for_their_minute(edges_run: EdgesRun) -> None:
    assert edges_run.early == []
    assert all(edges_run.uploads)


@pytest.mark.long
def test_pk23_each_destination_gets_the_files(edges_run: EdgesRun) -> None:
    one, two = ({path.name for path in found} for found in edges_run.uploads)
    assert one & two


@pytest.mark.long
def test_pk25_telegram_gets_pancakes_two_texts_each_with_its_video(edges_run: EdgesRun) -> None:
    texts = [text for text, _ in edges_run.telegram][:3]
    on, off = "Detection changed to True", "Detection changed to False"
    assert texts in ([on, off, on], [off, on, off])
    assert all(video[4:8] == b"ftyp" for _, video in edges_run.telegram[:3])


def edges(asked: list[ReceivedRequest]) -> list[tuple[str, bytes]]:
    """The texts of the messages with their videos, in order."""
    forms = [one.form for one in asked if one.path.endswith(("/sendVideo", "/sendMessage"))]
    return [((form.get("caption") or form["text"]).decode(), form.get("video", b"")) for form in forms]


@needs_sshd
def test_pk15_the_fifth_example_detects_on_exact_images_and_records_all(
    pi: Path, ssh: tuple[SshServer, Path], tmp_path: Path
) -> None:
    server, home = ssh
    there = tmp_path / "nas"
    text = example(
        "images",
        {
            "pi@nas.lan 22 /mnt/cam": f"{user()}@127.0.0.1 {server.port} {there}", "/srv/rec": str(tmp_path / "rec"),
            "recorded": f"pk15-{os.getpid()}",
        },
    )  # fmt: skip
    (tmp_path / "theirs").mkdir()
    (tmp_path / "theirs" / "customize.py").write_text(RED_ONLY)
    made = imported(tmp_path, text, home=home, path=pi)
    ours = tomllib.loads(made.config.read_text())
    assert ours["destinations"]["scp-1"]["minutes"] == [5, 20, 35, 50]
    assert ours["destinations"]["scp-1"]["upload"] == ["events", "recordings"]
    with receiver(f"pk15-{os.getpid()}") as heard, made.running() as log:
        awaited(lambda: len(files(there)) >= 3, log, 120)
        awaited(lambda: {True, False} <= {one.get("detection") for one in heard}, log, 60)
        finished = [one for one in heard if set(one) == {"h264"}]
    assert plays(files(there)[0])
    assert finished, "a message for each finished file"
    assert files(tmp_path / "rec", "2*.mp4"), "clips of 6 s"


def test_pk18_schedules_with_braces_are_what_a_shell_makes_of_them(tmp_path: Path) -> None:
    made = imported(
        tmp_path,
        "python3 post.py x --convert a 12 --upload-minutes {5..59..15} --upload-ftp nas.lan 21 me '{1..3}' cam\n",
    )
    ours = tomllib.loads(made.config.read_text())["destinations"]["ftp-1"]
    assert (ours["minutes"], ours["upload"]) == ([5, 20, 35, 50], ["recordings"])
    assert tomllib.loads((made.config.parent / "secrets.toml").read_text()) == {"FTP_1": "%7B1..3%7D"}


def test_pk18_an_option_that_it_does_not_know_is_an_error_with_its_line(tmp_path: Path) -> None:
    (tmp_path / "post").write_text("# comment\npost.py x --convert a 12 \\\n  --upload-soon 5\n")
    program = str(Path(sys.executable).with_name("tawny"))
    done = subprocess.run([program, "import", "post"], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.returncode, "post, line 2: pancake:" in done.stderr) == (3, True), done.stderr
    assert sorted(path.name for path in tmp_path.iterdir()) == ["post"]


@pytest.mark.parametrize("name", PANCAKE)
def test_pk30_each_example_is_valid_and_every_option_accounted_for(tawny: Tawny, name: str, tmp_path: Path) -> None:
    result = taken_over(tawny, tmp_path, PANCAKE[name])
    accounted = " ".join([*result["became"], *result["left"]])
    for option in re.findall(r"(?<!\S)--[a-z-]+", PANCAKE[name]):
        assert option in accounted, option
    assert tawny("config", "check").code == 0


def taken_over(tawny: Tawny, folder: Path, text: str) -> dict[str, Any]:
    """What the import into a folder told."""
    (folder / "theirs").write_text(text)
    result = tawny("import", "theirs", "--json")
    assert result.code == 0, result.err
    return dict(json.loads(result.out))


def test_pk1_every_option_of_the_recorder_is_accounted_for(tawny: Tawny, tmp_path: Path) -> None:
    options = (
        "--port 8100 --resolution 640 480 --fps 15 --vflip --hflip --rotation 270 --annotate-text-size 20 "
        "--max-stream-fps 5 --record-continuous rec --record-detection all rec --record-resize 1280 720 --detect image "
        "--detect-resize 224 224 --detect-interval 0.5 --emit name --login password.txt"
    )
    result = taken_over(tawny, tmp_path, f"python3 recorder.py {options}\n")
    accounted = " ".join([*result["became"], *result["left"]])
    assert all(option in accounted for option in re.findall(r"--[a-z-]+", options))
    assert "rotate" in result["became"]["--rotation"]
