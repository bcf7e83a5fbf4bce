"""What goes wrong, one row each: the exit code as documented, what happened, and what to do. Nothing is lost."""

import json
import os
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tawny.engine import Bus
from tawny.storage.disk.volume import Volume
from tawny.storage.history.ledger import HistoryJournal
from tawny.storage.index.opening import index_to_write
from tawny.testing.clips import ClipSpec, made_clip
from tawny.testing.rtsp_camera import RtspCamera
from tests.cli.conftest import Tawny, answering

Words = list[str]


@dataclass(frozen=True)
class Case:
    name: str
    words: Callable[[Path, ExitStack], Words]
    code: int
    says: str
    do: str


def _plain(*words: str) -> Callable[[Path, ExitStack], Words]:
    return lambda folder, stack: list(words)


def _settings(text: str, *words: str) -> Callable[[Path, ExitStack], Words]:
    def write(folder: Path, stack: ExitStack) -> Words:
        (folder / "tawny.toml").write_text(text)
        return list(words) or ["run"]

    return write


def _camera(what: str) -> Callable[[Path, ExitStack], Words]:
    def begin(folder: Path, stack: ExitStack) -> Words:
        camera = stack.enter_context(RtspCamera(made_clip(ClipSpec(seconds=1))))
        address = camera.address
        if what == "password":
            camera.setup.login, camera.setup.user, camera.setup.password = "md5", "admin", "right"
            address = camera.address.replace("right", "wr0ng-one")
        elif what == "path":
            camera.faults.answers["DESCRIBE"] = b"RTSP/1.0 404 Not Found\r\nCSeq: {cseq}\r\n\r\n"
        elif what == "redirect":
            there = b"rtsp://127.0.0.2:554/x"
            camera.faults.answers["DESCRIBE"] = (
                b"RTSP/1.0 302 Found\r\nCSeq: {cseq}\r\nLocation: " + there + b"\r\n\r\n"
            )
        elif what == "codec":
            camera.faults.sdp = b"v=0\r\nm=video 0 RTP/AVP 26\r\na=control:track0\r\n"
        return ["cameras", "add", "porch", address]

    return begin


def _port_taken(folder: Path, stack: ExitStack) -> Words:
    taken = stack.enter_context(socket.socket())
    taken.bind(("127.0.0.1", 0))
    taken.listen()
    return ["demo", "--data", str(folder / "data"), "--port", str(taken.getsockname()[1])]


def _full_disk(folder: Path, stack: ExitStack) -> Words:
    data = folder / "small"
    data.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", str(data)], check=True)
    stack.callback(subprocess.run, ["umount", str(data)], check=True)
    filler = data / "filler"
    with filler.open("wb", buffering=0) as out:
        try:
            while out.write(bytes(4096)):
                pass
        except OSError:
            pass
    return ["run", "demo:", "--data", str(data), "--listen", "127.0.0.1:0"]


def _a_file_as_folder(folder: Path, stack: ExitStack) -> Words:
    (folder / "file").write_text("")
    return ["run", "demo:", "--data", str(folder / "file"), "--listen", "127.0.0.1:0"]


CASES = [
    Case("no command that is known", _plain("recrod"), 2, "invalid choice", "tawny --help"),
    Case("an option that is unknown", _plain("status", "--colour"), 2, "nrecognized arguments: --colour", "--help"),
    Case("an option is missing", _plain("export", "--camera", "x"), 2, "--from", "--help"),
    Case(
        "nothing to record to memory", _plain("run", "--memory", "64 MB"), 3, "No settings file found", "pass a source"
    ),
    Case(
        "wrong address",
        _plain("cameras", "add", "porch", "rtsp://127.0.0.1:1/x"),
        21,
        "isn't responding",
        "switched on",
    ),
    Case(
        "a name without address",
        _plain("cameras", "add", "porch", "rtsp://camera.invalid/x"),
        21,
        "can't be resolved",
        "IP address",
    ),
    Case(
        "a kind of address that is unknown",
        _plain("cameras", "add", "porch", "gopher://x"),
        2,
        "Unknown type of address",
        "rtsp://",
    ),
    Case("no such device", _plain("cameras", "add", "porch", "/dev/video97"), 24, "Camera device", "/dev/v4l/by-id"),
    Case("the file doesn't exist", _plain("cameras", "add", "porch", "missing.mp4"), 24, "missing.mp4", ""),
    Case("wrong password", _camera("password"), 22, "rejected the user name or password", "camera's own app"),
    Case("wrong path", _camera("path"), 23, "no stream at this path", "manual"),
    Case("a camera that sends us elsewhere", _camera("redirect"), 25, "redirects to another address", "If you trust"),
    Case("a codec that isn't supported", _camera("codec"), 26, "no video that tawny can record", "H.264 or H.265"),
    Case("a bad name for a camera", _plain("cameras", "add", "Front Door", "demo:"), 2, "'Front Door'", "front-door"),
    Case("unwritable folder", _plain("run", "demo:", "--data", "/proc/tawny"), 32, "Can't write", "--data"),
    Case("a file where the folder should be", _a_file_as_folder, 32, "Can't write", "--data"),
    Case("full disk", _full_disk, 31, "is full", "Free up space"),
    Case("port in use", _port_taken, 40, "is already in use by another program", "--listen"),
    Case("a port that is none", _plain("demo", "--port", "70000"), 2, "isn't a valid port", "65535"),
    Case(
        "an address to listen on that is none",
        _plain("run", "demo:", "--listen", "here"),
        2,
        "--listen here",
        "HOST:PORT",
    ),
    Case("a settings file that is missing", _plain("run", "--config", "none.toml"), 2, "No such file", "tawny init"),
    Case("a broken settings file", _settings("[storage\n"), 2, "line 1: file", "config check"),
    Case("an unknown setting", _settings("[storage]\nfolder = 'x'"), 2, "line 2: storage.folder", "encrypt, mem"),
    Case("a bad unit", _settings("[storage]\nretention = { min = '3 moons' }"), 2, "storage.retention.min", "days"),
    Case(
        "a secret that is not set", _settings("[cameras.a]\nsource='rtsp://u:${PW9}@h/'"), 2, "${PW9}", "secrets.toml"
    ),
    Case(
        "a part's setting that is wrong",
        _settings("[cameras.a]\nsource = 'rtsp://h/x'\nrtsp.transport = 'pigeon'"),
        2,
        "cameras.a.rtsp",
        "tcp",
    ),
    Case(
        "a detector that is unknown",
        _settings("[cameras.a]\nsource='demo:'\ndetection.detector='nose'", "config", "check"),
        2,
        "'nose'",
        "motion",
    ),
    Case("settings that are there already", _settings("# mine", "init"), 3, "already", "Nothing was changed"),
    Case("a folder without recordings", _plain("status", "--data", "."), 3, "contains no tawny recordings", "--data"),
    Case(
        "a time that is none",
        _plain("events", "--data", ".", "--from", "whenever"),
        3,
        "contains no tawny recordings",
        "--data",
    ),
    Case("a unit without settings", _plain("service", "show"), 3, "No settings file found", "tawny init"),
    Case("too many demo cameras", _plain("demo", "--cameras", "99"), 2, "1 to 6", ""),
]


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as opened:
        yield opened


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_an_error_says_what_happened_and_what_to_do(case: Case, tawny: Tawny, tmp_path: Path, stack: ExitStack) -> None:
    result = tawny(*case.words(tmp_path, stack))
    assert result.code == case.code, result
    assert case.says in result.err, result.err
    assert case.do in result.err, result.err
    assert result.out == ""
    assert "Traceback" not in result.err
    assert "wr0ng-one" not in result.err
    assert len(result.err) < 1500


@pytest.mark.parametrize("case", CASES[3:9], ids=lambda case: case.name)
def test_errors_are_json_too(case: Case, tawny: Tawny, tmp_path: Path, stack: ExitStack) -> None:
    result = tawny(*case.words(tmp_path, stack), "--json")
    error = json.loads(result.err.splitlines()[-1])["error"]
    assert error["code"]
    assert case.says in error["message"]


# What the system refuses: in a process of its own, as a user whom the modes of files bind. They do not bind root.

TAWNY = [sys.executable, "-c", "from tawny.cli.main import entry; entry()"]
WITHOUT = "-dac_override,-dac_read_search"
AS_USER = ["setpriv", f"--bounding-set={WITHOUT}", f"--inh-caps={WITHOUT}"] if os.geteuid() == 0 else []


def _as_user(folder: Path, *words: str | Path) -> subprocess.CompletedProcess[str]:
    line = [*AS_USER, *TAWNY, *map(str, words)]
    return subprocess.run(line, cwd=folder, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)


@contextmanager
def _closed(path: Path) -> Iterator[None]:
    mode = path.stat().st_mode & 0o777
    path.chmod(0)
    try:
        yield
    finally:
        path.chmod(mode)


@pytest.mark.parametrize(
    "words",
    [
        ("status", "--data", "closed"), ("events", "--data", "closed"), ("run", "demo:", "--data", "closed"),
        ("user", "list", "--data", "closed"), ("verify", "closed"), ("service", "show", "--config", "closed/x.toml"),
        ("cameras", "test", "closed/x.mp4"),
    ],
    ids=lambda words: words[0],
)  # fmt: skip
def test_a_folder_that_the_user_may_not_enter_is_named(tmp_path: Path, words: tuple[str, ...]) -> None:
    folder = tmp_path / "closed"
    (folder / "history").mkdir(parents=True)
    with _closed(folder):
        done = _as_user(tmp_path, *words)
    assert done.returncode == 41, done
    assert "closed (Permission denied). Use `sudo`, or the user that runs tawny." in done.stderr
    assert "Can't read" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_video_that_the_user_may_not_read_is_named(tmp_path: Path) -> None:
    folder = tmp_path / "closed"
    folder.mkdir()
    with _closed(folder):
        done = _as_user(tmp_path, "scan", folder / "x.mp4")
    assert f"Can't scan {folder}/x.mp4: Permission denied." in done.stderr + done.stdout
    assert "Traceback" not in done.stderr


def test_an_index_that_the_user_may_not_read_is_named(tmp_path: Path) -> None:
    volume = Volume.at(tmp_path)
    (tmp_path / "history").mkdir()
    index_to_write(volume, HistoryJournal(volume.disk)).close()
    with _closed(tmp_path / "tawny.db"):
        done = _as_user(tmp_path, "events", "--data", tmp_path)
    assert done.returncode == 41, done
    assert f"Can't read {tmp_path}/tawny.db (" in done.stderr


def test_a_recorder_that_the_user_may_not_ask_is_not_called_stopped(tmp_path: Path) -> None:
    (tmp_path / "history").mkdir()
    with answering(tmp_path, Bus(), {"status": lambda _: {}}), _closed(tmp_path / "control"):
        done = _as_user(tmp_path, "status", "--data", tmp_path)
    assert done.returncode == 3, done
    assert f"A recorder may be running for {tmp_path}, but this user may not ask it. Use `sudo`" in done.stderr


@pytest.mark.parametrize("words", [("config", "schema"), ("--help",), ("scan", "--help"), ("--version",), ()])
@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_output_that_cannot_be_written_is_an_error(words: tuple[str, ...], unbuffered: str) -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [*TAWNY, *words], stdout=full, stderr=subprocess.PIPE, text=True, check=False,
            env={**os.environ, "PYTHONUNBUFFERED": unbuffered},
        )  # fmt: skip
    assert done.returncode == 3, done.stderr
    assert done.stderr == "tawny: Can't write the output (No space left on device).\n"


def test_closed_output_is_like_dev_null() -> None:
    line = ["sh", "-c", '"$@" >&-', "sh", *TAWNY, "config", "schema"]
    done = subprocess.run(line, stderr=subprocess.PIPE, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


UNDECODABLE = os.fsdecode(b"caf\xe9")


@pytest.mark.parametrize(
    "words",
    [
        ("cameras", "add", "y", f"{UNDECODABLE}.mp4", "--skip-test"), ("cameras", "rename", "yard", UNDECODABLE),
        ("user", "add", UNDECODABLE, "--data", "."), ("tokens", "create", UNDECODABLE, "--data", "."),
    ],
    ids=lambda words: words[0] + " " + words[1],
)  # fmt: skip
def test_a_name_that_is_not_utf8_is_refused_at_once(tawny: Tawny, tmp_path: Path, words: tuple[str, ...]) -> None:
    (tmp_path / "history").mkdir()
    result = tawny(*words)
    assert (result.code, result.out) == (2, "")
    assert "isn't valid UTF-8." in result.err
    assert "caf\\udce9" in result.err
    assert not [path.name for path in tmp_path.iterdir() if path.name.startswith("tmp")]


def test_a_file_whose_name_is_not_utf8_is_created_and_named(tawny: Tawny, tmp_path: Path) -> None:
    result = tawny("init", "--config", f"{UNDECODABLE}.toml")
    assert result.code == 0, result.err
    assert result.out.startswith("Created caf\\udce9.toml.")
    assert (tmp_path / f"{UNDECODABLE}.toml").is_file()
