"""The tracer finds all three paths, and on each the functions that it follows."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from scripts.trace_path import CHAINS, REQUEST, REQUESTED, SOURCE, code_of

ROOT = Path(__file__).parents[1]
MOST_FILES = {"packet to disk": 40, "event to notification": 75, REQUESTED: 28}
"""Limits are what was reached, 28, 69 and 25, and a few files of unrelated work that falls into a turn now and then."""


@pytest.mark.plain
def test_every_path_is_found() -> None:
    command = [sys.executable, "-m", "scripts.trace_path", "--json", "--requests", "2"]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=240, check=False)
    assert ended.returncode == 0, ended.stderr
    figures = json.loads(ended.stdout)
    marked = {chain.name: [*chain.stages, chain.end] for chain in CHAINS} | {REQUESTED: [REQUEST]}
    assert figures.keys() == marked.keys()
    for name, functions in marked.items():
        row = figures[name]
        assert row["samples"] > 0
        assert row["functions"] >= row["files"] > 10
        assert row["files"] <= MOST_FILES[name]
        assert row["threads"] > 1
        files = {code_of(function).co_filename.removeprefix(SOURCE) for function in functions}
        assert files <= set(row["file_names"])
