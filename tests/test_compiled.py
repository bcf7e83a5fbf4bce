"""The modules that can be compiled: all are found, and those beside their sources are of these sources."""

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

from scripts.compile import HOME, HOT, compile_modules, sources

PACKAGE = HOME / "src"


@pytest.mark.parametrize("pattern", HOT)
def test_each_pattern_finds_modules(pattern: str) -> None:
    assert list((PACKAGE / "tawny").glob(f"{pattern}.py"))


def test_compiled_modules_are_newer_than_their_sources() -> None:
    """Python takes the compiled one: after a change `python scripts/compile.py` compiles again, `--remove` ends it."""
    old = []
    for source in sources(PACKAGE):
        compiled = list(source.parent.glob(f"{source.stem}.cpython-*.so"))
        old += [one for one in compiled if one.stat().st_mtime < source.stat().st_mtime]
    assert old == []


def test_it_runs_on_plain_sources_or_on_compiled_ones() -> None:
    found = {len(list(one.parent.glob(f"{one.stem}.cpython-*.so"))) > 0 for one in sources(PACKAGE)}
    assert len(found) == 1, "some are compiled and others are not"


BASES = {"Exception", "ValueError", "Protocol", "NamedTuple", "Generic", "Enum", "IntEnum", "StrEnum"}
"""Of modules that aren't compiled, these can be inherited from by compiled classes."""


def test_compiled_classes_inherit_only_from_compiled_ones() -> None:
    """mypyc lays a class out as if it began with its own attributes: they would lie over those of such a base."""
    classes = [
        (source, node)
        for source in sources(PACKAGE)
        for node in ast.walk(ast.parse(source.read_text(encoding="utf-8")))
        if isinstance(node, ast.ClassDef)
    ]
    known = BASES | {node.name for _, node in classes}
    others = [
        f"{source.relative_to(PACKAGE)}: {node.name}"
        for source, node in classes
        if not {ast.unparse(base).partition("[")[0] for base in node.bases} <= known
    ]
    assert others == []


@pytest.mark.long
def test_all_tests_pass_compiled_too(tmp_path: Path) -> None:
    """Compiles a copy, which takes some minutes, and runs `./test`'s tests with it, but those marked `plain`."""
    pytest.importorskip("setuptools")
    copy = tmp_path / "src"
    subprocess.run(["cp", "-r", str(PACKAGE), str(copy)], check=True)
    for file, place in compile_modules(copy, tmp_path / "made").items():
        file.rename(copy / place)
    environment = {**os.environ, "PYTHONPATH": f"{copy}:{HOME}"}
    which = "import tawny.recorder.segmenter as one; print(one.__file__)"
    where = subprocess.run([sys.executable, "-c", which], env=environment, capture_output=True, text=True, check=True)
    assert where.stdout.startswith(str(copy)) and where.stdout.strip().endswith(".so")
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-m", "not long", "--workers", "auto"]
    ran = subprocess.run([*command, "tests"], env=environment, cwd=HOME, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stdout[-3000:]
