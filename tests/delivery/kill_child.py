"""A courier that carries what waits in an outbox into a folder, until it is killed or nothing waits."""

import hashlib
import sys
from pathlib import Path

from tawny.delivery.courier import Courier, DeliveryRoute
from tawny.delivery.delivery import Delivery
from tawny.delivery.destination import DestinationContext, FileCarrier
from tawny.delivery.destinations.folder import FolderDestination
from tawny.delivery.outbox import Outbox
from tawny.model.times import SystemClock
from tawny.testing.contracts.destination import MemoryContent

SIZE_BYTES = 3_000_000


def data_of(name: str) -> bytes:
    """Of a delivery: the same in every life."""
    return hashlib.shake_128(name.encode()).digest(SIZE_BYTES)


def content(delivery: Delivery) -> MemoryContent:
    data = data_of(delivery.name)
    return MemoryContent(data, sha256=hashlib.sha256(data).hexdigest())


def main(where: str, folder: str) -> None:
    clock = SystemClock()
    outbox = Outbox(Path(where), clock)
    opening = DestinationContext("nas", f"folder:{folder}", {}, clock)
    route = DeliveryRoute("offsite", lambda: FileCarrier(FolderDestination().connect(opening), "nas"), content)
    courier = Courier(1, route, outbox, clock, lambda delivery: print(delivery.name, flush=True))
    print("ready", flush=True)
    while outbox.waiting().count:
        courier.step()


if __name__ == "__main__":
    main(*sys.argv[1:3])
