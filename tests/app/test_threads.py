"""The threads of a whole program: how many, and each is in the table of docs/how-it-works/threads.md."""

import ast
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tawny.testing.waiting import until
from tests.support.processes import ended

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="threads are listed in /proc")

PAGE = Path(__file__).parents[2] / "docs" / "how-it-works" / "threads.md"
MOST = 14
"""Threads of a recorder with one watched camera."""
AT_FIRST = {"page": 2, "waiting": 2}
"""Of these there are more once several steps or requests were slow at the same time, and they stay."""
SOURCES = Path(__file__).parents[2] / "src" / "tawny"
PLACEHOLDER = re.compile(r"[A-Z]+")
SHOWN = 15
"""Letters of a name that the system keeps."""


def known_names() -> re.Pattern[str]:
    """Return a pattern of the names in the page's table, as far as the system shows them."""
    rows = re.findall(r"^\| ([^|]+?) \| (?:yes|shared|up to|\d)", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    names = [name.strip() for row in rows for name in row.split(",")]
    parts = (PLACEHOLDER.split(name)[0][:SHOWN] + ".+" * bool(PLACEHOLDER.search(name)) for name in names)
    return re.compile("|".join(parts))


def thread_names(process: int) -> list[str]:
    found = []
    for path in Path(f"/proc/{process}/task").glob("*/comm"):
        try:
            found.append(path.read_text().strip())
        except OSError:
            continue  # it has just ended
    return found


@contextmanager
def demo(folder: Path) -> Iterator[subprocess.Popen[str]]:
    command = [
        str(Path(sys.executable).with_name("tawny")),
        "demo",
        "--cameras",
        "1",
        "--port",
        "0",
        "--data",
        str(folder),
    ]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        yield process
    finally:
        ended(process)
        assert process.stdout is not None
        process.stdout.close()


def test_one_watched_camera_needs_few_threads_and_each_has_its_name(tmp_path: Path) -> None:
    with demo(tmp_path / "data") as process:
        until(lambda: "watch front" in thread_names(process.pid), 60)
        until(lambda: {"housekeeping", "clips", "waiting"} <= set(thread_names(process.pid)), 60)
        counts, pattern = [], known_names()
        for _ in range(40):
            names = thread_names(process.pid)
            counts.append(len(names) - sum(max(0, names.count(name) - most) for name, most in AT_FIRST.items()))
            assert [name for name in names if not pattern.fullmatch(name)] == []
            assert {"recorder", "writer 1", "read front main", "read front sub", "watch front"} <= set(names)
            time.sleep(0.05)
    assert sorted(counts)[20] <= MOST, names


def actor_names() -> Iterator[str]:
    """Yield the names of all actors: one with a thread for moments only is seldom seen in a running program."""
    sources = (path.read_text(encoding="utf-8") for path in SOURCES.rglob("*.py"))
    for source in (text for text in sources if "def step(self)" in text):
        for made in ast.walk(ast.parse(source)):
            if isinstance(made, ast.ClassDef) and any(getattr(part, "name", "") == "step" for part in made.body):
                for part in made.body:
                    match part:
                        case ast.Assign(targets=[ast.Name(id="name")], value=ast.Constant(value=str(name))):
                            yield name


def test_each_actor_is_in_the_table() -> None:
    pattern, names = known_names(), {name[:SHOWN] for name in actor_names()}
    assert len(names) > 30
    assert {name for name in names if not pattern.fullmatch(name) and not pattern.fullmatch(f"{name} 1")} == set()
