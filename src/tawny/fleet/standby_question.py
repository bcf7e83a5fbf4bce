"""How a standby asks a silent recorder itself whether it records: by a connection of its own, at each of its addresses.

A recorder whose line is bad may still record; what it answers keeps its standby from recording the same cameras.
"""

import asyncio
import logging
from collections.abc import Sequence
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from tawny.fleet.fleet_index import Box
from tawny.fleet.identity import fingerprint
from tawny.fleet.message_link import LineClosed, WebSocketLink, open_as_box
from tawny.fleet.session import Kind, LineFrame, as_payload, decode_frame

log = logging.getLogger(__name__)
STANDBY_PATH: Final = "/api/v1/standby/line"
"""Where a recorder accepts connections of those that it protects, and of its own standby."""
ASK_S: Final = 0.4  # time in s within which a silent recorder must answer


class RecorderQuestions:
    """The questions of one standby. Call from one event loop."""

    def __init__(self) -> None:
        self._asked: set[asyncio.Task[bool | None]] = set()

    async def ask(self, addresses: Sequence[str], key: Ed25519PrivateKey | None, box: Box) -> bool | None:
        """Ask a recorder whether it records. None: it says that this is not its standby any more.

        key: of the standby; None: it has none to ask with.
        """
        if key is None:
            return False
        asking = [asyncio.create_task(_ask_at(url, key, fingerprint(box.key))) for url in addresses]
        try:
            for first in asyncio.as_completed(asking, timeout=ASK_S):
                try:
                    return await first
                except LineClosed as error:
                    log.info("asking recorder %s: %s", box.name, error)
        except TimeoutError:
            log.info("recorder %s doesn't answer", box.name)
        finally:
            for task in asking:  # without waiting: closing a connection to a dead recorder takes a second
                task.cancel()
                self._asked.add(task)
                task.add_done_callback(self._forget)
        return False

    def _forget(self, task: asyncio.Task[bool | None]) -> None:
        self._asked.discard(task)
        if not task.cancelled() and isinstance(task.exception(), LineClosed):
            log.debug("asking a recorder: %s", task.exception())


async def _ask_at(url: str, key: Ed25519PrivateKey, recorder: str) -> bool | None:
    """Return what a recorder answers. recorder: fingerprint of its key. Raises LineClosed: it doesn't answer."""
    carrier = await WebSocketLink.open(url, STANDBY_PATH)
    try:
        link = await open_as_box(carrier, key, recorder)
        await link.send(LineFrame(Kind.HELLO, 0, as_payload({"asks": True})).encoded())
        frame = decode_frame(await link.receive())
        if frame.kind is Kind.REFUSED:
            return None
        return frame.kind is Kind.PRESENT and frame.json.get("is_recording") is True
    finally:
        await carrier.close()
