"""Tests that are run side by side by workers end as they do one after the other, whatever becomes of a worker."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
CONFTEST = """
import pytest
from tests.support import workers
workers.SILENT_S = workers.SILENT_LONG_S = {silent_s}
workers.LISTENS_S = workers.ENDS_S = 0.1
def pytest_addoption(parser):
    parser.addoption("--workers")
def pytest_configure(config):
    if config.option.workers is not None:
        count = workers.count_of(config.option.workers)
        config.pluginmanager.register(workers.Workers(config, count), workers.WORKERS)
"""
PASSES = "def test_passes(): pass\n"


def run(folder: Path, files: dict[str, str], *words: str, silent_s: float = 600.0) -> subprocess.CompletedProcess[str]:
    """Run pytest in a folder of tests/unit/test_NAME.py with these texts."""
    unit = folder / "tests" / "unit"
    unit.mkdir(parents=True, exist_ok=True)
    (folder / "conftest.py").write_text(CONFTEST.format(silent_s=silent_s))
    for name, text in files.items():
        (unit / f"test_{name}.py").write_text(text)
    command = [sys.executable, "-m", "pytest", "-q", "-ra", "-p", "no:asyncio", *(words or ("--workers", "3"))]
    paths = {"PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1", "TMPDIR": str(folder)}
    variables = {name: text for name, text in os.environ.items() if name != "PYTEST_DEBUG_TEMPROOT"} | paths
    return subprocess.run(command, cwd=folder, env=variables, capture_output=True, text=True, timeout=300, check=False)


def summary(out: str) -> str:
    """Return the counts in the last line."""
    return re.sub(r" in [\d.]+s.*", "", out.strip().splitlines()[-1]).strip("= ")


def test_results_are_those_of_one_process(tmp_path: Path) -> None:
    text = (
        "import pytest, sys\n"
        "@pytest.mark.parametrize('n', range(3))\n"
        "def test_table(n): assert n != 1, f'not {n}'\n"
        "def test_skipped(): pytest.skip('no such thing here')\n"
        "@pytest.mark.xfail(strict=True)\n"
        "def test_expected(): raise ValueError\n"
        "@pytest.fixture\n"
        "def broken(): raise OSError('no room')\n"
        "def test_broken(broken): pass\n"
        "def test_speaks():\n"
        "    print('said by ' + __name__)\n"
        "    raise RuntimeError\n"
    )
    files = dict.fromkeys(("a", "b", "c", "d"), text)
    alone, beside = run(tmp_path, files, "-p", "no:cacheprovider"), run(tmp_path, files)
    assert summary(beside.stdout) == summary(alone.stdout) == "8 failed, 8 passed, 4 skipped, 4 xfailed, 4 errors"
    assert beside.returncode == alone.returncode == 1
    for name in files:
        assert beside.stdout.count(f"said by test_{name}\n") == 1, "each has its own output"
    assert "OSError: no room" in beside.stdout
    assert "not 1" in beside.stdout


def test_what_failed_can_be_run_again(tmp_path: Path) -> None:
    files = {"a": PASSES, "b": PASSES + "def test_fails(): raise ValueError\n"}
    assert summary(run(tmp_path, files).stdout) == "1 failed, 2 passed"
    again = run(tmp_path, {}, "--last-failed")
    assert summary(again.stdout) == "1 failed"


@pytest.mark.parametrize(
    ("dies", "said"),
    [
        ("os.kill(os.getpid(), signal.SIGKILL)", "its worker ended with -9"),
        ("os._exit(7)", "its worker ended with 7"),
        ("pytest.exit('enough')", "its worker ended with 1"),
        ("time.sleep(60)", "its worker ended with -6"),
    ],
    ids=["killed", "ended", "asks for the end", "goes on for ever"],
)
def test_a_worker_that_dies_costs_one_test(tmp_path: Path, dies: str, said: str) -> None:
    files = {
        "a": f"import os, pytest, signal, time\n{PASSES}def test_dies(): {dies}\ndef test_after(): pass\n",
        "b": PASSES,
        "c": f"import os, pytest, signal, time\n{PASSES}def test_dies_at_the_end(): {dies}\n",
        "d": PASSES,
    }
    ran = run(tmp_path, files, "--workers", "1", silent_s=2.0 if "sleep" in dies else 600.0)
    assert summary(ran.stdout) == "2 failed, 5 passed"
    assert ran.returncode == 1
    assert f"FAILED tests/unit/test_a.py::test_dies - {said}" in ran.stdout
    assert f"FAILED tests/unit/test_c.py::test_dies_at_the_end - {said}" in ran.stdout


def test_a_thread_that_goes_on_does_not_keep_the_run(tmp_path: Path) -> None:
    text = "import threading\ndef test_left(): threading.Thread(target=threading.Event().wait).start()\n"
    done = run(tmp_path, {"a": text, "b": PASSES})
    assert summary(done.stdout) == "2 passed"


def test_fixtures_end_with_their_scope(tmp_path: Path) -> None:
    text = (
        "import pytest\n"
        "from pathlib import Path\n"
        f"SAID = Path({str(tmp_path / 'said')!r})\n"
        "def say(what):\n"
        "    with SAID.open('a') as said: said.write(what + '\\n')\n"
        "@pytest.fixture(scope='module')\n"
        "def file():\n"
        "    yield\n"
        "    say(f'end of {__name__}')\n"
        "def test_one(file): pass\n"
        "def test_two(file, tmp_path): say(f'two of {__name__}')\n"
    )
    session = "@pytest.fixture(scope='session', autouse=True)\ndef session():\n    yield\n    say('end of a worker')\n"
    ran = run(tmp_path, {"a": text + session, "b": text + session}, "--workers", "1")
    assert ran.returncode == 0, ran.stdout + ran.stderr
    found = (tmp_path / "said").read_text().splitlines()
    first, second = found[0][-1], {"a": "b", "b": "a"}[found[0][-1]]
    names = [f"test_{name}" for name in (first, second)]
    expected = [word for name in names for word in (f"two of {name}", f"end of {name}")]
    assert found[:4] == expected
    assert set(found[4:]) == {"end of a worker"}


def test_folders_are_apart_and_removed_when_all_passed(tmp_path: Path) -> None:
    text = (
        "import time\nfrom pathlib import Path\n"
        "def test_folder(tmp_path, tmp_path_factory):\n"
        "    time.sleep(0.2)\n"
        f"    with Path({str(tmp_path / 'said')!r}).open('a') as said:\n"
        "        said.write(f'{tmp_path_factory.getbasetemp()}\\n')\n"
    )
    files = dict.fromkeys(("a", "b", "c"), text)
    assert run(tmp_path, files).returncode == 0
    assert len(set((tmp_path / "said").read_text().splitlines())) == 3
    assert not list(tmp_path.glob("tests-*"))


@pytest.mark.parametrize("words", ["0", "many"])
def test_a_count_that_is_none_is_an_error(tmp_path: Path, words: str) -> None:
    ran = run(tmp_path, {"a": PASSES}, f"--workers={words}")
    assert ran.returncode == pytest.ExitCode.USAGE_ERROR
    assert f"--workers {words}: a number from 1 on, or auto" in ran.stderr


def test_a_file_that_does_not_load_ends_the_run(tmp_path: Path) -> None:
    ran = run(tmp_path, {"a": PASSES, "b": "import no_such_module\n"})
    assert ran.returncode == pytest.ExitCode.INTERRUPTED
    assert summary(ran.stdout) == "1 error"
