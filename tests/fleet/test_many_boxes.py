"""Lines that are cut, and hub, boxes and NATS server that are killed: every line is in the hub, each once.

A sample of `benchmarks/fleet_return.py`, which has 50 boxes, and its whole campaign with `--long`.
"""

from pathlib import Path

import pytest

from benchmarks import fleet_return
from tawny.testing.waiting import until
from tests.support.many_boxes import PATIENCE_S, Carrier, many_boxes
from tests.support.nats import nats_server


def test_whatever_dies_every_line_is_in_the_hub_once(tmp_path: Path) -> None:
    """Both ways at one hub. Its disk loses what it had stored last, and the NATS server all that it had."""
    before = tmp_path / "before.db"
    with (
        nats_server(f'jetstream {{ store_dir: "{tmp_path}/store" }}\n') as nats,
        many_boxes(tmp_path, (("websocket", 3), ("nats", 3)), nats) as fleet,
    ):
        list(fleet.write_hour(0))
        fleet.wait_for_all(PATIENCE_S)
        fleet.hub.copy_to(before)
        fleet.cut(is_cut=True)
        parts = fleet.write_hour(1, 4)
        next(parts)
        until(lambda: fleet.online == 0, PATIENCE_S, "all boxes to notice the cut")
        fleet.cut(is_cut=False)
        fleet.wait_for_all(PATIENCE_S)
        next(parts)
        fleet.groups[0].kill()
        fleet.hub.kill()
        nats.kill()
        fleet.groups[0].start()
        fleet.hub.put_back(before)
        assert not fleet.is_all_in()
        next(parts)
        nats.start()
        fleet.hub.start()
        next(parts)
        fleet.wait_for_all(PATIENCE_S)
        fleet.check()


@pytest.mark.long
@pytest.mark.parametrize(("by", "index"), [("websocket", "sqlite"), ("nats", "sqlite"), ("websocket", "postgresql")])
def test_fifty_boxes_with_kills_and_power_cuts(tmp_path: Path, by: Carrier, index: fleet_return.Index) -> None:
    assert fleet_return.campaign(tmp_path, by, index, boxes=50, kills=20, cut_s=100)
