"""STUN and TURN servers as a browser needs them, with a login for one viewer.

Loads neither aiortc nor aioice: pages name the servers before anybody watches.
"""

import base64
import hashlib
import hmac
from dataclasses import dataclass

from tawny.config.settings import LiveSettings, TurnServerSettings
from tawny.model.times import Clock

LOGIN_LASTS_S = 3600


@dataclass(frozen=True, slots=True)
class IceServerConfig:
    """Fields of the browser's `RTCIceServer`; no credentials for STUN."""

    url: str
    username: str = ""
    credential: str = ""


def ice_servers(live: LiveSettings, who: str, clock: Clock) -> list[IceServerConfig]:
    """Return the servers for one viewer. who: id shown in the TURN server's log."""
    request = [IceServerConfig(url) for url in live.stun]
    return [*request, *(IceServerConfig(turn.url, *login_at(turn, who, clock)) for turn in live.turn)]


def login_at(turn: TurnServerSettings, who: str, clock: Clock) -> tuple[str, str]:
    """Return user name and password for the TURN server."""
    if not turn.secret:
        return turn.user, turn.password
    name = f"{clock.now_ms() // 1000 + LOGIN_LASTS_S}:{who}"
    digest = hmac.new(turn.secret.encode(), name.encode(), hashlib.sha1).digest()
    return name, base64.b64encode(digest).decode()
