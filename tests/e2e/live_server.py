"""A recorder with its interface in this process: cameras on loopback, and people who may be sent away again."""

import asyncio
import threading
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from playwright.sync_api import Browser, BrowserContext

from tawny.api.application import make_app
from tawny.api.auth.access import COOKIE
from tawny.api.auth.accounts import Accounts, Caller, Role
from tawny.api.auth.accounts_file import AccountsFile
from tawny.api.auth.passes import Passes
from tawny.api.auth.shares import Shares
from tawny.api.context import AppContext
from tawny.api.server import WebServer
from tawny.api.static_files import StaticFiles
from tawny.config.settings import Settings
from tests.app.rig import Rig, rig

Got = TypeVar("Got")


class LiveServer:
    """bench: the recorder. Any thread may call."""

    def __init__(self, bench: Rig) -> None:
        self.bench = bench
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="web", daemon=True)
        self._thread.start()
        self.accounts: Accounts
        self.site: AppContext
        self._server: WebServer

    @property
    def base(self) -> str:
        return f"http://{self._server.address}"

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
        return asyncio.run_coroutine_threadsafe(what, self._loop).result(60)

    def start(self) -> None:
        self.do(self._start())

    def stop(self) -> None:
        self.do(self._stop())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(30)
        self._loop.close()

    async def _start(self) -> None:
        clock = self.bench.clock
        file = AccountsFile(":memory:")
        self.accounts = Accounts(file, clock)
        self.site = AppContext(
            self.bench.running, self.accounts, Passes(file, clock), Shares(file, clock), StaticFiles.at()
        )
        self._server = WebServer(make_app(self.site), self.accounts, "127.0.0.1", 0)
        await self._server.start()

    async def _stop(self) -> None:
        await self.site.close()
        await self._server.stop()
        self.accounts.close()


@contextmanager
def signed_browser(browser: Browser, session: str, **how: Any) -> Iterator[BrowserContext]:
    """Whoever's session this is. how: as `Browser.new_context` takes it."""
    context = browser.new_context(**how)
    context.add_cookies([{"name": COOKIE, "value": session, "domain": "127.0.0.1", "path": "/"}])
    yield context
    context.close()


@contextmanager
def live_server(chosen: Settings, folder: Path) -> Iterator[LiveServer]:
    with rig(chosen, folder) as bench:
        made = LiveServer(bench)
        made.start()
        try:
            yield made
        finally:
            made.stop()
