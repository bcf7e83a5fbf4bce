"""Folders in memory where there is one: the disk's own speed is none of these tests' business."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture
def quick_folder() -> Iterator[Path]:
    memory = Path("/dev/shm")
    with tempfile.TemporaryDirectory(prefix="tawny-", dir=memory if memory.is_dir() else None) as folder:
        yield Path(folder)
