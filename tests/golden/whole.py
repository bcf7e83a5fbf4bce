"""The whole recorder in this process, as `tawny run` has it, and a client of its HTTP API."""

import hashlib
import os
import signal
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import httpx

from tawny.app.program import Program
from tawny.config.loader import read_settings
from tawny.testing.waiting import until
from tests.golden.fixture_key import PASSWORD

WAIT_S: Final = 90.0


class Client:
    """A browser of the recorder's owner. link: the one-time link that the recorder printed."""

    def __init__(self, base: str, link: str) -> None:
        self._http = httpx.Client(base_url=base, headers={"X-Tawny": "1", "Origin": base}, timeout=30)
        if link:
            token = link.partition("#token=")[2]
            self.send("POST", "setup/claim", token=token, name="Anna", password=PASSWORD)

    def get(self, path: str, **query: Any) -> Any:
        return self._answer(self._http.get(f"/api/v1/{path}", params=query))

    def send(self, method: str, path: str, **body: Any) -> Any:
        return self._answer(self._http.request(method, f"/api/v1/{path}", json=body))

    def bring(self, secret: str, name: str, data: bytes) -> None:
        """Upload a file with a pass, as another recorder does."""
        query: dict[str, str | int] = {
            "name": name,
            "sha256": hashlib.sha256(data).hexdigest(),
            "size": len(data),
            "modified_ms": 1,
        }
        headers = {"Authorization": f"Bearer {secret}"}
        self._answer(self._http.put("/api/v1/inbox/file", params=query, content=data, headers=headers))

    def _answer(self, reply: httpx.Response) -> Any:
        assert reply.is_success, reply.text
        return reply.json()


def run_recorder(config: Path, folder: Path, visit: Callable[[Client], object]) -> None:
    """Run the whole program until `visit` has returned; raise what it raised."""
    errors: list[BaseException] = []

    def visiting(base: str, link: str) -> None:
        try:
            visit(Client(base, link))
        except BaseException as error:  # noqa: BLE001 - raised below, in the main thread
            errors.append(error)
        os.kill(os.getpid(), signal.SIGTERM)

    def tell(said: dict[str, Any], _: str) -> None:
        threading.Thread(target=visiting, args=(said["address"], said["link"] or "")).start()

    Program(read_settings(config), folder, config=config).run(tell)
    if errors:
        raise errors[0]


def wait_for_event(client: Client) -> dict[str, Any]:
    """Return the first event that is over and has its picture."""

    def over() -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = client.get("events")["items"]
        return [one for one in found if one["end_ms"] is not None]

    until(over, WAIT_S, "an event")
    return over()[0]
