"""Texts without what must not be seen: a camera's login in every form in which it goes over the line."""

import base64
import re
from collections.abc import Iterable
from urllib.parse import quote, unquote

HIDDEN = "…"
_LOGINS = re.compile(
    r"""\b(username|response|nonce|cnonce|opaque|nc)(\s*=\s*)("(?:[^"\\]|\\.)*"?|[^\s,;]+)""", re.IGNORECASE
)
_BASIC = re.compile(r"\b(Basic)\s+[A-Za-z0-9+/=_-]+", re.IGNORECASE)
_IN_ADDRESS = re.compile(r"(\b[a-z][a-z0-9+.-]*://)[^/?#\s]*@", re.IGNORECASE)


class Secrets:
    """Of one camera. others: more words to hide, such as its host's name."""

    def __init__(self, user: str, password: str, others: Iterable[str] = ()) -> None:
        said = base64.b64encode(f"{user}:{password}".encode()).decode()
        words = {said, said.rstrip("=")} if user or password else set()
        for word in (user, password, *others):
            words |= {word, quote(word, safe=""), quote(word), unquote(word)}
        shapes = sorted((word for word in words if word), key=len, reverse=True)
        self._words = re.compile("|".join(map(re.escape, shapes)), re.IGNORECASE) if shapes else None

    def hide(self, text: str) -> str:
        """The text with `…` for each of them, and for what a login is made of whoever's it is."""
        text = _IN_ADDRESS.sub(rf"\1{HIDDEN}@", text)
        text = _BASIC.sub(rf"\1 {HIDDEN}", text)
        text = _LOGINS.sub(rf"\1\2{HIDDEN}", text)
        return self._words.sub(HIDDEN, text) if self._words else text
