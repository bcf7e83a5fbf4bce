"""Setting up from source: `.venv` is made where it is missing, broken, or of another folder or Python, and kept else.

Python is a script here: its `venv` and `pip` take no time, and write down that they ran.
"""

import fcntl
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import IO

import pytest

from tawny.testing.waiting import until

ROOT = Path(__file__).parent.parent
PYTHON = """\
#!/bin/sh
venv=${0%/bin/*} version=$(basename "$(readlink -f "$0")")
case "$*" in
"-m venv "*)
    echo "$@" >>MADE
    mkdir -p "$3/bin" "$3/lib/$version"
    ln -s "$(readlink -f "$0")" "$3/bin/python"
    printf '%s\\n' "#!$3/bin/python3" >"$3/bin/pip" ;;
"-m pip --version") [ -d "$venv/lib/$version" ] ;;
*" -e "*)
    printf '%s\\n' '#!/bin/sh' "echo from '$venv'" >"$venv/bin/tawny"
    chmod +x "$venv/bin/tawny" ;;
esac
"""


class Source:
    """A folder with tawny's source, as far as `./tawny` knows it."""

    def __init__(self, outer: Path) -> None:
        self.outer, self.folder, self.made = outer, outer / "Höhe mit Leer", outer / "made"
        (self.folder / "ui").mkdir(parents=True)
        (self.folder / "scripts").mkdir()
        for name in ("tawny", "scripts/setup.sh"):
            shutil.copy2(ROOT / name, self.folder / name)
        for name in ("pyproject.toml", "requirements.lock", "scripts/hatch_build.py"):
            (self.folder / name).touch()
        (outer / "bin").mkdir()
        self.stand_in("python3.11", PYTHON.replace("MADE", str(self.made)))
        (outer / "bin" / "python3").symlink_to("python3.11")
        self.made.touch()

    def stand_in(self, name: str, script: str) -> None:
        (self.outer / "bin" / name).write_text(script)
        (self.outer / "bin" / name).chmod(0o755)

    def starts(self, program: Path | None = None) -> subprocess.Popen[str]:
        """Start it as from a terminal: tests in the background may ignore Ctrl-C, and so would dash."""
        command = ["env", "--default-signal=INT", str(program or self.folder / "tawny")]
        pipe, env = subprocess.PIPE, {"PATH": f"{self.outer}/bin:/usr/bin:/bin"}
        return subprocess.Popen(command, env=env, cwd="/", text=True, stdout=pipe, stderr=pipe)

    def runs(self, program: Path | None = None) -> tuple[int, str, str]:
        with self.starts(program) as process:
            out, err = process.communicate(timeout=30)
        return process.returncode, out, err

    def times_made(self) -> int:
        return len(self.made.read_text().splitlines())

    def works(self, program: Path | None = None) -> None:
        code, out, err = self.runs(program)
        assert (code, out) == (0, f"from {self.folder}/.venv\n"), err


@pytest.fixture
def source(tmp_path: Path) -> Source:
    return Source(tmp_path)


def _half_made(source: Source) -> None:
    """As Ctrl-C leaves it while `venv` installs pip."""
    shutil.rmtree(source.folder / ".venv" / "lib")
    (source.folder / ".venv" / "bin" / "pip").unlink()
    (source.folder / ".venv" / "made-from").unlink()


def _python_gone(source: Source) -> None:
    (source.folder / ".venv" / "bin" / "python").unlink()
    (source.folder / ".venv" / "bin" / "python").symlink_to("/nowhere/python3")


def _python_newer(source: Source) -> None:
    """As an upgrade of the system leaves it: the same link leads to another version."""
    (source.outer / "bin" / "python3.11").rename(source.outer / "bin" / "python3.13")
    for link in (source.outer / "bin" / "python3", source.folder / ".venv" / "bin" / "python"):
        link.unlink()
        link.symlink_to(source.outer / "bin" / "python3.13")


def _moved(source: Source) -> None:
    source.folder = source.folder.rename(source.outer / "opt")


def _copied(source: Source) -> None:
    source.folder = shutil.copytree(source.folder, source.outer / "opt", symlinks=True)


@pytest.mark.parametrize("change", [_half_made, _python_gone, _python_newer, _moved, _copied])
def test_a_venv_that_does_not_fit_is_made_again(source: Source, change: Callable[[Source], None]) -> None:
    source.works()
    change(source)
    (source.folder / ".venv" / "left-over").touch()
    source.works()
    assert source.times_made() == 2
    assert not (source.folder / ".venv" / "left-over").exists()
    source.works()
    assert source.times_made() == 2, "once"


def test_what_was_added_to_a_venv_that_fits_stays(source: Source) -> None:
    source.works()
    (source.folder / ".venv" / "plug-in").touch()
    (source.folder / "requirements.lock").write_text("# of a new version")
    source.works()
    assert (source.times_made(), (source.folder / ".venv" / "plug-in").exists()) == (1, True)


@pytest.mark.parametrize("script", ["#!{}/bin/python3\n", '#!/bin/sh\n\'\'\'exec\' "{}/bin/python3" "$0" "$@"\n'])
def test_what_was_added_to_a_venv_that_was_made_by_a_link_stays(source: Source, script: str) -> None:
    """As an earlier version did, in a folder that a link leads to."""
    source.works()
    link = source.outer / "opt"
    link.symlink_to(source.folder)
    (source.folder / ".venv" / "bin" / "pip").write_text(script.format(link / ".venv"))
    test_what_was_added_to_a_venv_that_fits_stays(source)


def test_nothing_is_started_where_nothing_is_to_be_done(source: Source) -> None:
    source.works()
    for name in ("flock", "python3"):
        source.stand_in(name, f"#!/bin/sh\necho {name} >>{source.made}\n")
    source.works()
    assert source.times_made() == 1


def test_it_is_called_through_a_link(source: Source) -> None:
    (source.outer / "bin" / "tawny").symlink_to(source.folder / "tawny")
    source.works(source.outer / "bin" / "tawny")


def test_two_at_once_make_it_once(source: Source) -> None:
    if shutil.which("flock") is None:
        pytest.skip("flock is not installed: apt install util-linux")
    slow = (
        f'case "$2" in venv) touch {source.outer}/begun; while [ ! -e {source.outer}/go ]; do sleep 0.02; done; esac\n'
    )
    source.stand_in("python3.11", PYTHON.replace("MADE", str(source.made)).replace("#!/bin/sh\n", f"#!/bin/sh\n{slow}"))
    with source.starts() as first:
        until((source.outer / "begun").exists, 20, "the first sets up")
        with source.starts() as second:
            assert second.stderr is not None
            waits = second.stderr.readline()
            (source.outer / "go").touch()
            assert first.communicate(timeout=30)[0] == second.communicate(timeout=30)[0] != ""
    assert waits == "Waiting until another ./tawny has set up .venv.\n"
    assert source.times_made() == 1


BUILD = """\
import fcntl, subprocess
with open("OUTER/alive", "w") as file:
    fcntl.flock(file, fcntl.LOCK_EX)
    open("OUTER/begun", "w").close()
    subprocess.run(["sleep", "60"], pass_fds=[file.fileno()])
"""


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM"])
def test_the_build_of_the_interface_ends_with_an_interrupted_set_up(source: Source, name: str) -> None:
    """With all that it started: the next set-up would build in the same folder."""
    real = f'case "$*" in *hatch_build.py) exec {sys.executable} "$@"; esac\n'
    source.stand_in("python3.11", PYTHON.replace("MADE", str(source.made)).replace("#!/bin/sh\n", f"#!/bin/sh\n{real}"))
    (source.folder / "scripts" / "hatch_build.py").write_text(BUILD.replace("OUTER", str(source.outer)))
    with source.starts() as process:
        until((source.outer / "begun").exists, 20, "the build has begun")
        process.send_signal(signal.Signals[name])
        process.communicate(timeout=30)
    assert process.returncode == -signal.Signals[name]
    with (source.outer / "alive").open() as file:
        until(lambda: _is_free(file), 20, "the build has ended")


def _is_free(file: IO[str]) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


@pytest.mark.parametrize("status", [127, 71])
def test_without_locks_it_is_set_up_all_the_same(source: Source, status: int) -> None:
    source.stand_in("flock", f"#!/bin/sh\nexit {status}\n")
    source.works()


def test_a_folder_that_may_not_be_written_is_named_with_what_to_do(source: Source) -> None:
    denied = f"mkdir: cannot create directory '{source.folder}/.venv': Permission denied"
    source.stand_in("mkdir", f'#!/bin/sh\necho "{denied}" >&2\nexit 1\n')
    code, _, err = source.runs()
    assert (code, err.splitlines()[0]) == (3, f"Setting up failed: {denied}")
    assert re.search(rf"sudo chown -R \S+ '{source.folder}'$", err), err
