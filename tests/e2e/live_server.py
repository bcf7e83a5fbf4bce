"""A recorder with its interface in this process: cameras on loopback, and people who may be sent away again."""

import asyncio
import threading
from collections.abc import Coroutine, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, TypeVar

from playwright.sync_api import Browser, BrowserContext

from tawny.api.auth.access import COOKIE
from tawny.api.auth.accounts import Accounts, Caller, Role
from tawny.api.context import AppContext
from tawny.app.web_interface import WebInterface, make_web_interface
from tawny.config.settings import Settings
from tawny.engine.connections import ConnectionManager
from tests.app.rig import Rig, rig

Got = TypeVar("Got")


class LiveServer:
    """bench: the recorder. Any thread may call."""

    def __init__(self, bench: Rig) -> None:
        self.bench = bench
        self.loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self.loop.run_forever, name="web", daemon=True)
        self._thread.start()
        self.web: WebInterface

    @property
    def base(self) -> str:
        return f"http://{self.web.server.address}"

    @property
    def accounts(self) -> Accounts:
        return self.web.accounts

    @property
    def site(self) -> AppContext:
        return self.web.site

    def session(self, name: str = "Anna") -> str:
        """The cookie of somebody who may see."""
        person = self.accounts.put_person(name, Role.VIEWER)
        return self.accounts.begin_session(person, Caller("127.0.0.1"))

    def cookie(self, session: str) -> dict[str, str]:
        return {"Cookie": f"{COOKIE}={session}", "Origin": self.base, "X-Tawny": "1"}

    def send_away(self, session: str) -> None:
        """Their right ends now."""
        found = self.accounts.session(session)
        assert found
        self.accounts.end_session(found.key)

    def connections(self) -> int:
        """By WebRTC."""
        return self.site.rtc.count

    def do(self, what: Coroutine[Any, Any, Got]) -> Got:
        """In the loop that serves."""
        return asyncio.run_coroutine_threadsafe(what, self.loop).result(60)

    def start(self) -> None:
        self.do(self._start())

    def stop(self) -> None:
        self.do(self._stop())
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join(30)
        self.loop.close()

    async def _start(self) -> None:
        self.web = await make_web_interface(self.bench.running, ConnectionManager(self.bench.clock))
        await self.web.start()

    async def _stop(self) -> None:
        await self.web.stop()


@contextmanager
def signed_browser(browser: Browser, session: str, **how: Any) -> Iterator[BrowserContext]:
    """Whoever's session this is. how: as `Browser.new_context` takes it."""
    context = browser.new_context(**how)
    context.add_cookies([{"name": COOKIE, "value": session, "domain": "127.0.0.1", "path": "/"}])
    yield context
    context.close()


@contextmanager
def live_server(chosen: Settings, folder: Path) -> Iterator[LiveServer]:
    """It keeps what is old even on a nearly full disk: tests leave recordings of long ago for it."""
    web = chosen.web.model_copy(update={"listen": "127.0.0.1:0"})
    retention = chosen.storage.retention.model_copy(update={"min_free": 0.0})
    storage = chosen.storage.model_copy(update={"retention": retention})
    chosen = chosen.model_copy(update={"web": web, "storage": storage})
    with ExitStack() as at_last, rig(chosen, folder, has_interface=True) as bench:
        made = LiveServer(bench)
        made.start()
        at_last.callback(made.web.outward.close)  # retention asks it until the end
        try:
            yield made
        finally:
            made.stop()
