"""The page in every state that a camera can have: it says the state and the recorder's own count."""

import json
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Route, WebSocketRoute, expect

from tawny.model.states import STATE_WORDS, CameraState, summary
from tests.e2e.conftest import Tawny

pytestmark = pytest.mark.browser


def test_health_page_tells_every_state(signed_in: BrowserContext, demo: Tawny) -> None:
    page, shown = signed_in.new_page(), CameraState.RECORDING

    def altered(health: dict[str, Any]) -> dict[str, Any]:
        health["cameras"][1]["state"] = shown.value
        return health | {"summary": summary([CameraState.RECORDING, shown])}

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
    page.close()
