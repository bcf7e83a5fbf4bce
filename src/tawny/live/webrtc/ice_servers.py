"""The STUN and TURN servers that browsers are told of.

A login at a TURN server of one's own lasts a short time and is made without asking it: the name is when it ends, the
password is that name under the secret which both know (coturn's `use-auth-secret`).
"""

import base64
import hashlib
import hmac
from dataclasses import dataclass

from tawny.config.live import LiveSettings, TurnServerSettings
from tawny.model.clock import Clock

LOGIN_LASTS_S = 3600


@dataclass(frozen=True, slots=True)
class IceServerConfig:
    """As `RTCIceServer` in browsers; without a login for STUN."""

    url: str
    username: str = ""
    credential: str = ""


def ice_servers(live: LiveSettings, who: str, clock: Clock) -> list[IceServerConfig]:
    """For one viewer. who: an id that the TURN server's log shows."""
    asked = [IceServerConfig(url) for url in live.stun]
    return [*asked, *(IceServerConfig(turn.url, *login_at(turn, who, clock)) for turn in live.turn)]


def login_at(turn: TurnServerSettings, who: str, clock: Clock) -> tuple[str, str]:
    """Name and password."""
    if not turn.secret:
        return turn.user, turn.password
    name = f"{clock.now_ms() // 1000 + LOGIN_LASTS_S}:{who}"
    digest = hmac.new(turn.secret.encode(), name.encode(), hashlib.sha1).digest()
    return name, base64.b64encode(digest).decode()
