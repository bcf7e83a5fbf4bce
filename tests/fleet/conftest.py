from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from tests.api.fakes import House, make_house
from tests.fleet.rig import BoxRig, HubRig, hub_rig


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    made = make_house(tmp_path / "house")
    yield made
    made.accounts.close()


@pytest.fixture(params=["memory", "websocket"])
async def rig(request: pytest.FixtureRequest, house: House) -> AsyncIterator[HubRig]:
    """A hub, by every way that messages travel."""
    async with hub_rig(request.param, house) as made:
        yield made


@pytest.fixture
def box(tmp_path: Path) -> BoxRig:
    return BoxRig(tmp_path / "box")
