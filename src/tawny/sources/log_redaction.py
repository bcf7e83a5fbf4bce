"""Redaction of logs and transcripts: a camera's credentials in any encoding and, optionally, its location.

Redacted text is replaced by `…`.
"""

import base64
import html
import re
from collections import deque
from collections.abc import Iterable
from urllib.parse import quote, quote_plus, unquote

from tawny.sources.rtsp.address import KEY, RtspAddress

HIDDEN = "…"
_LEAST = 4
"""Minimum length of an encoded secret that is redacted."""
_IN_LOGIN = re.compile(
    r"""\b(username|realm|response|nonce|cnonce|nextnonce|rspauth|opaque|nc)(\s*=\s*)("(?:[^"\\]|\\.)*"?|[^\s,;]+)""",
    re.IGNORECASE,
)
_PASSING = re.compile(
    r"""\b(?:response|(?:next|c)?nonce|opaque)\s*=\s*(?:"([^"]*)"|([^\s,;"]+))|^session\s*:\s*([^;\s]+)""",
    re.IGNORECASE | re.MULTILINE,
)
"""Values valid for one RTSP session only."""
_LEAST_PASSING, _MOST_PASSING, _LONGEST_PASSING = 6, 64, 200
"""Their lengths and number. Longer ones are redacted only where they are named."""
_AUTHORIZATION = re.compile(r"^((?:proxy-)?authorization\s*:\s*)(\w+)(.*)$", re.IGNORECASE | re.MULTILINE)
_SESSION = re.compile(r"^(session\s*:\s*)[^;\r\n]+", re.IGNORECASE | re.MULTILINE)
_SCHEME = r"[a-z][a-z0-9+.-]{0,15}://"  # bounded: otherwise `a.a.a.` would cost the square of its length
_IN_ADDRESS = re.compile(rf"({_SCHEME})[^/?#\s\"]*@", re.IGNORECASE)
_NAMED = re.compile(
    r"((?<![a-z0-9])(?:user(?:name)?|usr|login|pass(?:word|wd)?|pwd|token|auth|secret|api_?key|key)=)[^&;/?\s\"'<>]*",
    re.IGNORECASE,
)
_KEY = re.compile(KEY)
_HOST = re.compile(rf"({_SCHEME})(\[[^\]\s]*\]|[^/:?#\s\"…]+)", re.IGNORECASE)
_IN_SDP = re.compile(r"\b(IN\s+IP[46]\s+)\S+", re.IGNORECASE)
_PRIVATE = re.compile(r"\b(?:10|127|192\.168|172\.(?:1[6-9]|2\d|3[01])|169\.254)(?:\.\d{1,3}){2,3}\b")


class SecretFilter:
    """Redacts given words in any encoding and case. login: user and password."""

    def __init__(self, words: Iterable[str], login: tuple[str, str] = ("", "")) -> None:
        shapes = {shape for word in (*words, *login) for shape in _shapes(word)}
        if any(login):
            said = base64.b64encode(":".join(login).encode()).decode()
            shapes |= {said, said.rstrip("=")}
        longest_first = sorted((shape for shape in shapes if shape), key=len, reverse=True)
        self._words = re.compile("|".join(map(re.escape, longest_first)), re.IGNORECASE) if longest_first else None
        self._passing: deque[str] = deque(maxlen=_MOST_PASSING)

    @classmethod
    def of(cls, address: RtspAddress, others: Iterable[str] = ()) -> "SecretFilter":
        """Return a filter for a camera's credentials and probable keys in its path. others: further words to redact."""
        named = [unquote(found[0].partition("=")[2]) for found in _NAMED.finditer(address.path)]
        keys = [piece for piece in re.split(r"[/?&=;]", address.path) if _KEY.fullmatch(piece)]
        return cls([*address.words_in_path, *named, *keys, *others], (address.user, address.password))

    def hide(self, text: str) -> str:
        """Redact the text, including parts of any authentication exchange.

        Session-specific values found here are remembered and redacted in later texts, too.
        """
        for found in _PASSING.finditer(text):
            word = next(group for group in found.groups() if group is not None).strip("'")
            if _LEAST_PASSING <= len(word) <= _LONGEST_PASSING and word not in self._passing:
                self._passing.append(word)
        if self._words is not None:
            text = self._words.sub(HIDDEN, text)
        for word in sorted(self._passing, key=len, reverse=True):
            text = text.replace(word, HIDDEN)  # not a pattern: its cost would be the product of both lengths
        text = _IN_ADDRESS.sub(rf"\1{HIDDEN}@", text)
        text = _AUTHORIZATION.sub(_without_answer, text)
        text = _IN_LOGIN.sub(rf"\1\2{HIDDEN}", text)
        text = _SESSION.sub(rf"\1{HIDDEN}", text)
        return _NAMED.sub(rf"\1{HIDDEN}", text)


def strip_locations(text: str, host: str) -> str:
    """Remove the camera's host and all private network addresses."""
    for shape in sorted(_shapes(host), key=len, reverse=True):
        text = re.sub(re.escape(shape), HIDDEN, text, flags=re.IGNORECASE)
    return _PRIVATE.sub(HIDDEN, _IN_SDP.sub(rf"\1{HIDDEN}", _HOST.sub(rf"\1{HIDDEN}", text)))


def _without_answer(found: re.Match[str]) -> str:
    """Keep only the scheme and the field names of an Authorization header."""
    names = re.findall(r"(?:^|,)\s*(\w+)\s*=", found[3])
    return f"{found[1]}{found[2]} {', '.join(f'{name}={HIDDEN}' for name in names) or HIDDEN}"


def _shapes(word: str) -> set[str]:
    """Return the encodings in which a word may appear."""
    if not word:
        return set()
    raw = word.encode()
    coded = {base64.b64encode(raw).decode(), base64.urlsafe_b64encode(raw).decode(), raw.hex()}
    return {
        word,
        unquote(word),
        quote(word),
        quote(word, safe=""),
        quote_plus(word),
        html.escape(word),
        word.replace("\\", "\\\\").replace('"', '\\"'),
        *(code.rstrip("=") for code in coded if len(code) > _LEAST),
    }
