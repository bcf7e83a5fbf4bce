"""Asks a box to scan what it has recorded, through its line: the hub's side of `tawny scan --on boxes`."""

import json
from collections.abc import AsyncGenerator, Mapping
from typing import Any, Final

from tawny.fleet.hub import BoxOffline, FleetHub
from tawny.fleet.message_link import LineClosed
from tawny.fleet.session import Exchange, Kind, as_payload
from tawny.model.errors import NotDone

ADDRESS: Final = "/api/v1/scans"
SHARE: Final = "scans"
"""What a box's owner must allow."""
MOST_ANSWER_BYTES: Final = 16 * 1024 * 1024
OFFLINE: Final[Mapping[str, Any]] = {"offline": True}


def scan_boxes(hub: FleetHub) -> list[dict[str, Any]]:
    """Return the boxes of a hub, with what they allow and their cameras. Reads the disk."""
    return [
        {
            "id": state.box.id,
            "name": state.box.name,
            "online": state.is_online,
            "allows": SHARE in state.allow,
            "cameras": _camera_ids(state.status),
        }
        for state in hub.states()
    ]


async def scan_at(hub: FleetHub, box: str, order: Mapping[str, Any]) -> AsyncGenerator[Mapping[str, Any], None]:
    """Yield what a box answers to an order, as `service.box_scans` does.

    The last answer may also be `offline`, or `refused` with the status. Closing the generator ends the work there.
    """
    request = {
        "method": "POST", "path": ADDRESS, "query": "", "headers": [("content-type", "application/json")],
        "person": SHARE, "role": "guest",
    }  # fmt: skip
    try:
        exchange = await hub.ask(box, request)
    except BoxOffline:
        yield OFFLINE
        return
    except NotDone:  # too many requests of people
        yield {"busy": True}
        return
    try:
        await exchange.send(Kind.DATA, as_payload(dict(order)))
        await exchange.send(Kind.END)
        status = (await exchange.receive()).json.get("status")
        if status != 200:
            yield {"busy": True} if status == 503 else {"refused": status}
            return
        async for line in _lines(exchange):
            yield line
    except (LineClosed, ValueError, RecursionError):
        yield OFFLINE
    finally:
        exchange.close()


async def _lines(exchange: Exchange) -> AsyncGenerator[Mapping[str, Any], None]:
    """Raises ValueError: a line is no JSON, or the answer is too large."""
    rest, total = b"", 0
    while (frame := await exchange.receive()).kind is Kind.DATA:
        total += len(frame.payload)
        if total > MOST_ANSWER_BYTES:
            raise ValueError("the answer is too large")
        *lines, rest = (rest + frame.payload).split(b"\n")
        for line in lines:
            found = json.loads(line)
            if not isinstance(found, dict):
                raise ValueError("no JSON object")
            yield found


def _camera_ids(status: Mapping[str, Any]) -> list[str]:
    """Return the cameras in what a box said of itself."""
    said = status.get("cameras")
    found = [one.get("id") for one in said if isinstance(one, dict)] if isinstance(said, list) else []
    return [one for one in found if isinstance(one, str) and one]
