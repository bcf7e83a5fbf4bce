"""Folders in memory where there is one: the disk's own speed is none of these tests' business."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest


@pytest.fixture
def quick_folder() -> Iterator[Path]:
    with _in_memory() as folder:
        yield folder


@pytest.fixture(scope="module")
def quick_folder_of_all() -> Iterator[Path]:
    """Of all tests of a module."""
    with _in_memory() as folder:
        yield folder


@contextmanager
def _in_memory() -> Iterator[Path]:
    memory = Path("/dev/shm")
    with tempfile.TemporaryDirectory(prefix="tawny-", dir=memory if memory.is_dir() else None) as folder:
        yield Path(folder)
