"""The page in every state that a camera can have: it says the state and the recorder's own count."""

import json
import re
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Route, WebSocketRoute, expect

from tawny.model.states import ON_WATCH, STATE_WORDS, TROUBLE, CameraState, counted_as, summary
from tests.e2e.conftest import Tawny

pytestmark = pytest.mark.browser


OTHERS = {
    "trouble": "1 needs attention", "unknown": "1 unknown", "starting": "1 starting", "paused": "1 paused",
    "off": "1 off", "ended": "1 ended",
}  # fmt: skip
"""What the chip says behind its count."""


def chip_of(state: CameraState) -> str:
    """The words of the chip: one camera that records, and one in this state."""
    other = OTHERS.get(counted_as(state).value)
    return f"{1 + (state in ON_WATCH)} of 2 cameras working{f', {other}' if other else ''}"


def test_h2_health_page_and_chip_tell_every_state(signed_in: BrowserContext, demo: Tawny) -> None:
    page, shown = signed_in.new_page(), CameraState.RECORDING

    def altered(health: dict[str, Any]) -> dict[str, Any]:
        health["cameras"][1]["state"] = shown.value
        states = [CameraState.RECORDING, shown]
        counts = dict.fromkeys(health["counts"], 0)
        for state in states:
            counts[counted_as(state).value] += 1
        numbers = {"working": sum(state in ON_WATCH for state in states), "trouble": int(shown in TROUBLE)}
        return health | {"summary": summary(states), "counts": counts, **numbers}

    def asked(route: Route) -> None:
        route.fulfill(body=json.dumps(altered(route.fetch().json())), content_type="application/json")

    def connected(socket: WebSocketRoute) -> None:
        server = socket.connect_to_server()

        def said(text: str | bytes) -> None:
            message = json.loads(text)
            if message["ch"] == "state":
                text = json.dumps(message | {"d": altered(message["d"])})
            socket.send(text)

        server.on_message(said)

    page.route("**/api/v1/health", asked)
    page.route_web_socket("**/api/v1/ws", connected)
    for state in CameraState:
        shown = state
        page.goto(f"{demo.base}/health")
        expect(page.locator("td.today-now").nth(1)).to_have_text(STATE_WORDS[state].replace("'", "’"))
        expect(page.locator(".answer h2")).to_have_text(summary([CameraState.RECORDING, state]))
        chip = page.locator("a.truth")
        expect(chip).to_contain_text(chip_of(state))
        tone = "bad" if state is CameraState.BLOCKED else "warn" if state in TROUBLE else "calm"
        expect(chip).to_have_class(re.compile(rf"\b{tone}\b"))
    page.unroute_all(behavior="ignoreErrors")  # what a route still answers comes too late for the page
    page.close()
