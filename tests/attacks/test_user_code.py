"""A `detect()` that attacks: the recorder's files and secrets, other processes, the network, the disk, the memory.

Each attempt runs as root and as a user without rights. What it gets is its exception or its booty, as printed output.
"""

import logging
import os
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from tawny.engine import confinement
from tawny.engine.confinement import LinuxKernel, landlock_abi
from tawny.engine.user_script import UserScript

SECRET = "s3cret-of-the-front-door"
FRAME = np.zeros((90, 160, 3), np.uint8)
pytestmark = pytest.mark.skipif(landlock_abi(LinuxKernel()) < 3, reason="this kernel has no Landlock of ABI 3 or later")


class Recorder:
    """Folders as a recorder has them, a script among them, and the results of its calls."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        for name in ("tawny.toml", "secrets.toml", "accounts.db", "known.key", "recovery.txt", "events/porch.jpg"):
            path = folder / name
            path.parent.mkdir(exist_ok=True)
            path.write_text(f'FRONT_DOOR = "{SECRET}"\n')
        self.script: UserScript | None = None

    def runs(self, body: str, *, before: str = "", memory: int = 1 << 30, allow_read: tuple[str, ...] = ()) -> str:
        """Run a body of `detect()`, and return what it printed, or its problem."""
        lines = "\n".join(f"    {line}" for line in body.splitlines())
        file = self.folder / "detect.py"
        file.write_text(f"FOLDER = {str(self.folder)!r}\n{before}\ndef detect(frame):\n{lines}\n    return True\n")
        self.close()
        self.script = UserScript(file, "detect", deadline_s=10.0, memory=memory, allow_read=allow_read)
        self.script.load()
        if self.script.trouble:
            return self.script.trouble
        self.script.printed = ""
        self.script.ask(1_795_000_000_000, "porch", FRAME)
        return self.script.trouble or self.script.printed

    def close(self) -> None:
        if self.script is not None:
            self.script.close()


@pytest.fixture
def recorder(tmp_path: Path) -> Iterator[Recorder]:
    made = Recorder(tmp_path)
    yield made
    made.close()


READS = [
    "tawny.toml", "secrets.toml", "accounts.db", "known.key", "recovery.txt", "events/porch.jpg",
    "/etc/passwd", "/etc/shadow", "/etc/hostname", "/proc/{pid}/environ", "/proc/{pid}/maps", "/proc/{pid}/mem",
    "/proc/{pid}/cmdline", "/proc/net/tcp", "/proc/1/environ", "/var/log/dpkg.log",
]  # fmt: skip


@pytest.mark.parametrize("path", READS)
def test_it_reads_nothing_of_the_recorder_or_the_system(
    recorder: Recorder, path: str, caplog: pytest.LogCaptureFixture
) -> None:
    there = recorder.folder / path.format(pid=os.getpid())
    if not there.exists():
        pytest.skip(f"{there} does not exist here")
    with caplog.at_level(logging.WARNING):
        result = recorder.runs(f"print(open({str(there)!r}, 'rb').read(20))")
    assert "PermissionError" in result, result
    assert SECRET not in result
    assert f"refused: read {there}" in caplog.text
    assert "detect.py, line 4" in caplog.text


def test_a_refusal_that_it_hides_is_named_as_well(recorder: Recorder, caplog: pytest.LogCaptureFixture) -> None:
    hides = "try:\n    open(FOLDER + '/secrets.toml')\nexcept OSError:\n    print('hidden')"
    assert recorder.runs(hides) == "hidden\n"
    assert f"refused: read {recorder.folder}/secrets.toml" in caplog.text


def test_its_environment_has_no_secret(recorder: Recorder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FRONT_DOOR", SECRET)
    result = recorder.runs("import os\nprint(dict(os.environ), open('/proc/self/environ').read())")
    assert "PATH" in result
    assert SECRET not in result


@pytest.mark.parametrize(
    ("body", "named"),
    [
        ("open(FOLDER + '/new', 'w')", "write "),
        ("open(FOLDER + '/accounts.db', 'r+b')", "write "),
        ("open(FOLDER + '/detect.py', 'a')", ""),
        ("open('/tmp/of-the-detector', 'w')", "write "),
        ("open('/dev/shm/of-the-detector', 'w')", "write "),
        ("import os\nos.mkdir(FOLDER + '/new')", "create "),
        ("import os\nos.unlink(FOLDER + '/accounts.db')", "delete "),
        ("import os\nos.rename(FOLDER + '/accounts.db', FOLDER + '/gone')", "rename "),
        ("import os\nos.symlink('/etc/passwd', FOLDER + '/models.onnx')", "create "),
        ("import os\nos.chmod(FOLDER + '/accounts.db', 0o777)", "change "),
        ("import os\nos.chmod(FOLDER, 0)", "change "),
        ("import os\nos.truncate(FOLDER + '/accounts.db', 0)", "write "),
        ("import os\nos.utime(FOLDER + '/accounts.db')", "change "),
        ("import os\nprint(os.listdir(FOLDER))", "read "),
        ("import os\nprint(os.listdir('/proc'))", "read /proc"),
        ("import socket\nsocket.create_connection(('127.0.0.1', 1), 1)", "open a network connection"),
        ("import socket\nsocket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b'x', ('127.0.0.1', 9))", "open a n"),
        ("import socket\nsocket.socket(socket.AF_UNIX).connect('/run/dbus/system_bus_socket')", "open a network"),
        ("import socket\nsocket.socket(socket.AF_UNIX).connect('\\0tawny')", "open a network connection"),
        ("import os\nos.kill(os.getppid(), 0)", "send a signal"),
        ("import os\nos.killpg(os.getpgid(os.getppid()), 0)", ""),
        ("import os\nos.fork() or os._exit(0)", "start another process"),
        ("import subprocess\nsubprocess.run(['/bin/true'])", "start /bin/true"),
        ("import os\nos.execv('/bin/true', ['true'])", "start /bin/true"),
        ("import os\nos.posix_spawn('/bin/true', ['true'], {})", "start /bin/true"),
        ("import os, resource\nresource.prlimit(os.getppid(), resource.RLIMIT_NOFILE)", ""),
        ("import os\nos.setpriority(os.PRIO_PROCESS, os.getppid(), os.getpriority(os.PRIO_PROCESS, os.getppid()))", ""),
        ("import fcntl\nfcntl.fcntl(0, fcntl.F_SETOWN, __import__('os').getppid())", ""),
    ],
)
def test_it_changes_starts_and_reaches_nothing(
    recorder: Recorder, body: str, named: str, caplog: pytest.LogCaptureFixture
) -> None:
    before = {path: (path.read_bytes(), path.stat().st_mode) for path in recorder.folder.iterdir() if path.is_file()}
    result = recorder.runs(body)
    assert "PermissionError" in result or "OSError" in result, result
    assert not named or f"refused: {named}" in caplog.text
    after = {path: (path.read_bytes(), path.stat().st_mode) for path in recorder.folder.iterdir() if path.is_file()}
    assert {path: after[path] for path in before if path.name != "detect.py"} == {
        path: kept for path, kept in before.items() if path.name != "detect.py"
    }
    assert len(after) == len({*before, recorder.folder / "detect.py"})


@pytest.mark.parametrize(
    "call",
    [
        "ptrace(0x4206, os.getppid(), 0, 0)",
        "process_vm_readv(os.getppid(), 0, 0, 0, 0, 0)",
        "unshare(0x10000000)",
        "mount(b'x', b'/', b'no-such-kind', 0, 0)",
        "syscall(321, 0, 0, 0)",
    ],
)
def test_what_only_an_attack_calls_ends_it_with_its_line(
    recorder: Recorder, call: str, caplog: pytest.LogCaptureFixture
) -> None:
    result = recorder.runs(f"import ctypes, os\nctypes.CDLL(None).{call}")
    assert result.startswith("detect.py, line 5: it was stopped because it tried to reach into other processes"), result
    assert result in caplog.text


def test_a_detector_of_another_camera_is_another_process(recorder: Recorder, tmp_path: Path) -> None:
    """The same user, equally confined: its memory and its frames are not to be read either."""
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as other:
        try:
            for name in ("mem", "environ", "maps", "fd"):
                result = recorder.runs(f"import os\nprint(os.open('/proc/{other.pid}/{name}', os.O_RDONLY))")
                assert "PermissionError" in result, result
        finally:
            other.kill()


@pytest.mark.parametrize(
    "takes",
    [
        "bytearray(1 << 33)",
        "mmap.mmap(-1, 1 << 33)",
        "mmap.mmap(-1, 1 << 33, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)",
        "mmap.mmap(-1, 1 << 33, flags=0x122)",
        "os.ftruncate(os.memfd_create('full'), 1 << 30)",
        "os.posix_fallocate(os.memfd_create('full'), 0, 1 << 30)",
        "[open('/dev/null') for _ in range(2000)]",
        "[threading.Thread(target=time.sleep, args=(9,), daemon=True).start() for _ in range(5000)]",
    ],
)
def test_it_fills_neither_memory_nor_tables(recorder: Recorder, takes: str) -> None:
    result = recorder.runs(takes, before="import mmap, os, threading, time", memory=400_000_000)
    assert any(one in result for one in ("MemoryError", "OSError", "RuntimeError: can't start new thread")), result


def test_it_can_listen_to_nothing_that_the_recorder_serves(recorder: Recorder) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        result = recorder.runs(f"import urllib.request\nurllib.request.urlopen('http://127.0.0.1:{port}/')")
        assert "Operation not permitted" in result, result
        server.settimeout(0.1)
        with pytest.raises(TimeoutError):
            server.accept()


def test_an_answer_that_is_none_harms_nobody(recorder: Recorder) -> None:
    """It finds the pipe, and writes answers of its own into it."""
    for text in ("[]", "{}", '{"printed": 3}', '{"printed": "", "found": [[1, 2]]}', '{"printed":"","found":[{}]}'):
        body = f"import os\nfor fd in range(3, 1024):\n    try: os.write(fd, {text!r}.encode() + b'\\n')\n"
        body += "    except OSError: pass"
        result = recorder.runs(body)
        assert "it wrote where it answers" in result or "its answer can't be used" in result, (text, result)


# --- what goes on working


def test_libraries_models_and_modules_beside_it_work(recorder: Recorder) -> None:
    (recorder.folder / "helper.py").write_text("import parts.inner\nWORD = parts.inner.WORD\n")
    (recorder.folder / "parts").mkdir()
    (recorder.folder / "parts" / "__init__.py").write_text("")
    (recorder.folder / "parts" / "inner.py").write_text("WORD = 'fox'\n")
    np.save(recorder.folder / "model.npy", np.ones(3))
    body = (
        "assert np.load(FOLDER + '/model.npy').sum() == 3\n"
        "assert cv2.resize(frame.rgb, (32, 18)).shape == (18, 32, 3)\n"
        "assert np.linalg.svd(np.random.rand(64, 64))[0].shape == (64, 64)\n"
        "with ThreadPoolExecutor(2) as pool: assert list(pool.map(abs, [-1, -2])) == [1, 2]\n"
        "print(helper.WORD, datetime.now(ZoneInfo('Europe/Berlin')).tzname()[:3])"
    )
    before = (
        "import cv2, numpy as np, helper, ssl, hashlib, json, random, tempfile\n"
        "from concurrent.futures import ThreadPoolExecutor\n"
        "from datetime import datetime\nfrom zoneinfo import ZoneInfo"
    )
    assert recorder.runs(body, before=before) == "fox CET\n"


def test_a_model_of_onnxruntime_works(recorder: Recorder, caplog: pytest.LogCaptureFixture) -> None:
    pytest.importorskip("onnxruntime")
    from importlib.resources import files

    model = recorder.folder / "kinds.onnx"
    model.write_bytes((files("tawny.detection") / "kinds.onnx").read_bytes())
    before = "import onnxruntime\nsession = onnxruntime.InferenceSession(FOLDER + '/kinds.onnx')"
    assert recorder.runs("print(session.get_providers())", before=before) == "['CPUExecutionProvider']\n"
    assert "refused" not in caplog.text


def test_what_it_is_allowed_to_read_it_reads(recorder: Recorder, tmp_path_factory: pytest.TempPathFactory) -> None:
    elsewhere = tmp_path_factory.mktemp("sensor")
    (elsewhere / "rain.json").write_text("7")
    (recorder.folder / "labels.txt").write_text("fox")
    body = f"print(open('{elsewhere}/rain.json').read(), open(FOLDER + '/labels.txt').read())"
    assert "`allow_read` lists what it may read" in recorder.runs(body)
    assert recorder.runs(body, allow_read=(str(elsewhere), "labels.txt")) == "7 fox\n"
    body = f"import os\nos.replace('{elsewhere}/rain.json', '{elsewhere}/x')"
    assert "PermissionError" in recorder.runs(body, allow_read=(str(elsewhere),))


# --- a user without rights

AS_NOBODY = """
import os, sys
from pathlib import Path
from tawny.engine.user_script import UserScript
folder = Path(sys.argv[1])
for body in (
    "open(FOLDER + '/secrets.toml')",
    "open(f'/proc/{os.getppid()}/environ')",
    "open(f'/proc/{os.getppid()}/mem', 'rb')",
    "os.kill(os.getppid(), 0)",
    "os.chmod(FOLDER + '/accounts.db', 0)",
    "open(FOLDER + '/new', 'w')",
    "os.fork()",
    "socket.socket()",
    "[threading.Thread(target=time.sleep, args=(9,), daemon=True).start() for _ in range(2000)]",
    "print('works')",
):
    head = "import os, socket, threading, time\\nFOLDER = " + repr(str(folder)) + "\\nthreading.stack_size(65536)"
    (folder / "detect.py").write_text(head + "\\ndef detect():\\n    " + body + "\\n    return True\\n")
    script = UserScript(folder / "detect.py", "detect", deadline_s=10, memory=1 << 30)
    script.load()
    script.ask(0, "porch", None)
    print(script.trouble or script.printed.strip())
    script.close()
"""


def test_the_same_holds_for_a_user_without_rights() -> None:
    """As a service runs: its own user, whose files and processes are the recorder's. Threads are limited, too."""
    python, source = Path("/usr/bin/python3"), Path(confinement.__file__).parents[2]
    if os.getuid() != 0 or not python.exists():
        pytest.skip("only root can become another user, and that one needs a Python of the system")
    with tempfile.TemporaryDirectory() as name:  # others may enter it, unlike pytest's folders
        Recorder(Path(name))
        for path in (Path(name), *Path(name).rglob("*")):
            os.chown(path, 65534, 65534)
        done = subprocess.run(
            [python, "-B", "-c", AS_NOBODY, name], cwd="/", env={"PYTHONPATH": str(source), "PATH": "/usr/bin:/bin"},
            user=65534, group=65534, extra_groups=[], capture_output=True, text=True, check=False,
        )  # fmt: skip
    if "No module named" in done.stderr or "requires Python" in done.stderr:
        pytest.skip(f"{source} is not for other users, or this Python is too old: {done.stderr[-200:]}")
    found = done.stdout.splitlines()
    assert len(found) == 10, done
    assert all("PermissionError" in one for one in found[:8]), found
    assert "can't start new thread" in found[8]
    assert found[9] == "works"
