from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from tawny.config.fleet import HubNatsSettings
from tests.api.fakes import House, make_house
from tests.fleet.rig import BoxRig, HubRig, hub_rig
from tests.support.nats import NatsServer, nats_server


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    made = make_house(tmp_path / "house")
    yield made
    made.accounts.close()


@pytest.fixture(scope="module")
def nats() -> Iterator[NatsServer]:
    """A server for all tests of a file: subjects hold the key of each test's own hub."""
    with nats_server() as server:
        yield server


@pytest.fixture(params=["memory", "websocket", "nats"])
async def rig(request: pytest.FixtureRequest, house: House) -> AsyncIterator[HubRig]:
    """A hub, by every way that messages travel."""
    address = request.getfixturevalue("nats").address if request.param == "nats" else ""
    async with hub_rig(request.param, house, nats=HubNatsSettings(address=address)) as made:
        yield made


@pytest.fixture
def box(tmp_path: Path) -> BoxRig:
    return BoxRig(tmp_path / "box")
