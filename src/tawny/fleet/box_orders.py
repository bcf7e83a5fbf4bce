"""What a hub itself orders at its boxes, through their lines: scans of recordings, training samples, and updates."""

import json
from collections.abc import AsyncGenerator, Mapping
from typing import Any, Final, Literal

from tawny.fleet.history_rows import is_camera
from tawny.fleet.hub import BoxOffline, FleetHub
from tawny.fleet.message_link import LineClosed
from tawny.fleet.session import Exchange, Kind, as_payload
from tawny.model.errors import NotDone

Work = Literal["scans", "training", "updates"]
"""What a box's owner must allow."""
MOST_ANSWER_BYTES: Final = 16 * 1024 * 1024
OFFLINE: Final[Mapping[str, Any]] = {"offline": True}


def boxes_for(hub: FleetHub, work: Work) -> list[dict[str, Any]]:
    """Return the boxes of a hub and whether they allow this work. Reads the disk.

    cameras: state by ID, empty if unknown. warnings: as its page shows them.
    """
    return [
        {
            "id": state.box.id,
            "name": state.box.name,
            "online": state.is_online,
            "allows": work in state.allow,
            "version": state.version,
            "cameras": _camera_states(state.status),
            "warnings": _warnings(state.status),
        }
        for state in hub.states()
    ]


async def order_at(
    hub: FleetHub, box: str, work: Work, order: Mapping[str, Any]
) -> AsyncGenerator[Mapping[str, Any], None]:
    """Yield what a box answers to an order: see `service.box_scans` and `service.box_update`.

    The last answer may also be `offline`, or `refused` with the status. Closing the generator ends a scan there.
    """
    request = {
        "method": "POST", "path": f"/api/v1/{work}", "query": "", "headers": [("content-type", "application/json")],
        "person": work, "role": "guest",
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


def _camera_states(status: Mapping[str, Any]) -> dict[str, str]:
    """Return the cameras in a box's status."""
    listed = status.get("cameras")
    found = [one for one in listed if isinstance(one, dict)] if isinstance(listed, list) else []
    named = [one for one in found if isinstance(one.get("id"), str) and is_camera(one["id"])]
    return {one["id"]: str(one.get("state", "")) for one in named}


def _warnings(status: Mapping[str, Any]) -> list[str]:
    listed = status.get("warnings")
    found = [one.get("message") for one in listed if isinstance(one, dict)] if isinstance(listed, list) else []
    return [one[:500] for one in found if isinstance(one, str)]
