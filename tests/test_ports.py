"""Ports that tests give to their servers."""

import random
from multiprocessing import get_context

from tests.support.ports import free_port


def _ports(seed: int, count: int) -> set[int]:
    random.seed(seed)
    return {free_port() for _ in range(count)}


def test_tests_side_by_side_get_different_ports() -> None:
    """Even before a server listens, and where both draw the same numbers."""
    with get_context("fork").Pool(1) as other:
        taken = other.apply(_ports, (1, 5))
        assert not taken & _ports(1, 5)
