from collections.abc import Iterator

import pytest

from tawny.delivery.outbox import Outbox
from tawny.testing.clock import FakeClock


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def outbox(clock: FakeClock) -> Iterator[Outbox]:
    made = Outbox(":memory:", clock)
    yield made
    made.close()
