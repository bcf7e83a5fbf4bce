"""The distribution's Firefox, driven by WebDriver BiDi: https://w3c.github.io/webdriver-bidi/."""

import itertools
import json
import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from websockets.sync.client import ClientConnection, connect

from tawny.testing.waiting import until

PROGRAM = Path("/usr/bin/firefox-esr")
LISTENS = re.compile(r"WebDriver BiDi listening on (ws://\S+)")
PATIENCE_S = 60
STILL_MS = 50
"""Time for which an element keeps its place before it is clicked."""
ENTER, ESCAPE = "\ue007", "\ue00c"
PREFERENCES = {
    "media.autoplay.default": 0,
    "media.autoplay.blocking_policy": 0,
    "intl.accept_languages": "en-GB",
    "toolkit.telemetry.enabled": False,
    "datareporting.policy.dataSubmissionEnabled": False,
    "app.normandy.enabled": False,
    "network.captive-portal-service.enabled": False,
    "network.connectivity-service.enabled": False,
}


class Firefox:
    """One tab. Scripts are expressions; what they return must be possible in JSON. Raises AssertionError."""

    def __init__(self, socket: ClientConnection) -> None:
        self._socket = socket
        self._numbers = itertools.count(1)
        self._ask("session.new", capabilities={})
        self._tab = self._ask("browsingContext.getTree")["contexts"][0]["context"]

    def size(self, width: int, height: int) -> None:
        self._ask("browsingContext.setViewport", context=self._tab, viewport={"width": width, "height": height})

    def goto(self, address: str) -> None:
        self._ask("browsingContext.navigate", context=self._tab, url=address, wait="interactive")

    def reload(self) -> None:
        self._ask("browsingContext.reload", context=self._tab, wait="interactive")

    def js(self, expression: str) -> Any:
        given = self._ask(
            "script.evaluate",
            expression=f"(async () => JSON.stringify(await ({expression}) ?? null))()",
            target={"context": self._tab},
            awaitPromise=True,
        )
        assert given["type"] == "success", given
        return json.loads(given["result"]["value"])

    def until(self, expression: str) -> None:
        """Wait until an expression is true. A page that is being replaced has no root yet: that is not true either."""
        until(lambda: bool(self.js(f"document.documentElement && ({expression})")), PATIENCE_S, expression)

    def click(self, selector: str, text: str = "") -> None:
        """Click on the first visible element with this text, in its middle."""
        element = self._element(selector, text)
        moves = [
            {"type": "pointerMove", "x": 0, "y": 0, "origin": {"type": "element", "element": element}},
            {"type": "pointerDown", "button": 0},
            {"type": "pointerUp", "button": 0},
        ]
        self._act({"type": "pointer", "id": "mouse", "actions": moves})

    def keys(self, text: str) -> None:
        """Press keys one after the other, in what has the focus."""
        presses = [{"type": kind, "value": key} for key in text for kind in ("keyDown", "keyUp")]
        self._act({"type": "key", "id": "keyboard", "actions": presses})

    def fill(self, selector: str, text: str) -> None:
        """Replace what a field holds by this."""
        self.click(selector)
        self.js("document.activeElement.select()")
        self.keys(text)

    def _element(self, selector: str, text: str) -> dict[str, Any]:
        find = (
            f"[...document.querySelectorAll({json.dumps(selector)})].find((one) => one.getClientRects().length > 0 && "
            f"(one.getAttribute('aria-label') ?? one.textContent ?? '').includes({json.dumps(text)}))"
        )
        self.until(f"Boolean({find})")
        self.js(f"{find}.scrollIntoView({{ block: 'center' }}) ?? true")
        place = f"JSON.stringify({find}?.getBoundingClientRect() ?? null)"
        later = f"new Promise((done) => setTimeout(() => done({place}), {STILL_MS}))"
        self.until(f"{place} !== 'null' && {place} === await {later}")
        given = self._ask("script.evaluate", expression=find, target={"context": self._tab}, awaitPromise=False)
        return {"sharedId": given["result"]["sharedId"]}

    def _act(self, source: dict[str, Any]) -> None:
        self._ask("input.performActions", context=self._tab, actions=[source])

    def _ask(self, method: str, **params: Any) -> Any:
        number = next(self._numbers)
        self._socket.send(json.dumps({"id": number, "method": method, "params": params}))
        while True:
            answer = json.loads(self._socket.recv(PATIENCE_S))
            if answer.get("id") == number:
                assert answer["type"] == "success", f"{method}: {answer}"
                return answer["result"]


@contextmanager
def firefox(folder: Path) -> Iterator[Firefox]:
    """A Firefox with a profile of its own in this folder."""
    profile = folder / "profile"
    profile.mkdir()
    lines = (f"user_pref({json.dumps(name)}, {json.dumps(value)});" for name, value in PREFERENCES.items())
    (profile / "user.js").write_text("\n".join(lines))
    log_file = folder / "firefox.log"
    words = [str(PROGRAM), "--headless", "--no-remote", "--remote-debugging-port=0", "--profile", str(profile)]
    with log_file.open("wb") as out:
        process = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=out, stderr=out, env={"HOME": str(folder)})
    try:
        until(lambda: LISTENS.search(log_file.read_text()), PATIENCE_S, "WebDriver BiDi of Firefox")
        found = LISTENS.search(log_file.read_text())
        assert found
        with connect(f"{found[1]}/session", max_size=None) as socket:
            yield Firefox(socket)
    finally:
        process.terminate()
        process.wait(30)
