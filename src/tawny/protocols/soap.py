"""SOAP 1.2 as ONVIF cameras use it: bounded XML documents, requests with a UsernameToken, and responses. No sockets."""

import io
import re
import xml.etree.ElementTree as ET
from base64 import b64encode
from hashlib import sha1
from typing import Final, cast
from xml.parsers import expat
from xml.sax.saxutils import escape

from tawny.model.errors import SourceError, SourceRefused
from tawny.model.times import utc_text

MAX_BYTES: Final = 512_000
"""Responses with all profiles of a camera with several lenses have up to 200 kB."""
MAX_DEPTH: Final = 64
"""Responses of ONVIF services have up to 14 levels."""
MAX_ELEMENTS: Final = 5_000
MAX_ATTRIBUTES: Final = 64
"""Per element; some envelopes declare 40 namespaces."""


class UnreadableXml(ValueError):
    """The data is no XML, or exceeds a limit; the message gives the reason."""


class _Element(ET.Element):
    space = ""
    """Namespace; empty: none, or its prefix is not declared."""


class _BoundedBuilder:
    """Builds the tree from expat's callbacks. Raises UnreadableXml at the limits."""

    def __init__(self) -> None:
        self._tree = ET.TreeBuilder(element_factory=_Element)
        self._depth = self._elements = 0
        self._spaces: list[dict[str, str]] = [{}]
        """Namespaces by prefix at each level."""

    def start(self, name: str, attributes: dict[str, str]) -> None:
        self._depth += 1
        self._elements += 1
        if self._depth > MAX_DEPTH:
            raise UnreadableXml(f"more than {MAX_DEPTH} nested elements")
        if self._elements > MAX_ELEMENTS:
            raise UnreadableXml(f"more than {MAX_ELEMENTS} elements")
        if len(attributes) > MAX_ATTRIBUTES:
            raise UnreadableXml(f"more than {MAX_ATTRIBUTES} attributes in one element")
        outer = self._spaces[-1]
        own = {_local(key) if key != "xmlns" else "": value for key, value in attributes.items() if _declares(key)}
        self._spaces.append({**outer, **own} if own else outer)
        made = cast(_Element, self._tree.start(_local(name), {_local(key): one for key, one in attributes.items()}))
        if space := self._spaces[-1].get(name.rpartition(":")[0]):
            made.space = space

    def end(self, name: str) -> None:
        self._depth -= 1
        self._spaces.pop()
        self._tree.end(_local(name))

    def text(self, data: str) -> None:
        if self._depth:
            self._tree.data(data)

    def refuse(self, *_: object) -> None:
        raise UnreadableXml("a document type declaration")

    def close(self) -> ET.Element:
        return self._tree.close()


def read_xml(data: bytes) -> ET.Element:
    """Parse a document. Raises UnreadableXml."""
    if len(data) > MAX_BYTES:
        raise UnreadableXml(f"more than {MAX_BYTES} bytes")
    try:
        return _parsed(data, None)
    except UnreadableXml:
        raise
    except (expat.ExpatError, LookupError, ValueError) as error:
        # cameras send names in another encoding than they say, and empty lines or zeros around the document
        try:
            return _parsed(data.strip(b"\0 \t\r\n").decode("utf-8", "replace").encode(), "utf-8")
        except (expat.ExpatError, ValueError) as again:
            raise again if isinstance(again, UnreadableXml) else UnreadableXml(str(error)) from None


def _parsed(data: bytes, encoding: str | None) -> ET.Element:
    """encoding: instead of the one that the document states. Raises UnreadableXml, expat.ExpatError, LookupError.

    Also ValueError, for an encoding that can't be used.
    """
    built, parser = _BoundedBuilder(), expat.ParserCreate(encoding)
    parser.buffer_text = True
    parser.StartElementHandler, parser.EndElementHandler = built.start, built.end
    parser.CharacterDataHandler, parser.StartDoctypeDeclHandler = built.text, built.refuse
    parser.ParseFile(io.BytesIO(data))
    return built.close()


def find_elements(root: ET.Element, name: str) -> list[ET.Element]:
    """Return all elements with this local name, in any namespace: cameras differ."""
    return [one for one in root.iter() if local(one) == name]


def text_at(root: ET.Element, *names: str) -> str:
    """Return the text of the first descendant at this path of local names; empty if none. One pass over the tree."""
    pending = [(below, 0) for below in reversed(root)]
    while pending:
        element, found = pending.pop()
        if local(element) == names[found]:
            found += 1
            if found == len(names):
                return (element.text or "").strip()
        pending.extend((below, found) for below in reversed(element))
    return ""


def local(element: ET.Element) -> str:
    """Return the name without its namespace, in trees of any parser."""
    return element.tag.rpartition("}")[2]


def namespace(element: ET.Element) -> str:
    """Return the namespace of an element that `read_xml` has read; empty if it has none."""
    return element.space if isinstance(element, _Element) else ""


def _local(name: str) -> str:
    return name.rpartition(":")[2] or name


def _declares(key: str) -> bool:
    return key == "xmlns" or key.startswith("xmlns:")


# Envelopes: requests and responses.

_WHY_CHARS, _MAX_FAULT_CHARS = 120, 4_000
ENVELOPE = "http://www.w3.org/2003/05/soap-envelope"
SECURITY = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd"
UTILITY = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-utility-1.0.xsd"
DIGEST = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-username-token-profile-1.0#PasswordDigest"
_LOGIN = re.compile(r"NotAuthorized|Unauthorized|FailedAuthentication|not authorized", re.IGNORECASE)


def write_request(head: str, body: str) -> bytes:
    """Return the envelope. head: `login_header`, or empty; body: XML."""
    return f'<s:Envelope xmlns:s="{ENVELOPE}">{head}<s:Body>{body}</s:Body></s:Envelope>'.encode()


def login_header(user: str, password: str, nonce: bytes, at_ms: int) -> str:
    """Return the header with a UsernameToken. at_ms: time of the camera, ms UTC."""
    made = utc_text(at_ms)
    digest = sha1(nonce + made.encode() + password.encode(), usedforsecurity=False).digest()
    return (
        f'<s:Header><w:Security xmlns:w="{SECURITY}" s:mustUnderstand="1"><w:UsernameToken>'
        f"<w:Username>{quoted(user)}</w:Username>"
        f'<w:Password Type="{DIGEST}">{b64encode(digest).decode()}</w:Password>'
        f"<w:Nonce>{b64encode(nonce).decode()}</w:Nonce>"
        f'<u:Created xmlns:u="{UTILITY}">{made}</u:Created></w:UsernameToken></w:Security></s:Header>'
    )


def with_address(head: str, address: str) -> str:
    """Return the header with further elements in it. head: of `login_header`, or empty."""
    if not address or head:
        return head.replace("</s:Header>", f"{address}</s:Header>")
    return f"<s:Header>{address}</s:Header>"


def read_response(where: str, status: int, data: bytes) -> ET.Element:
    """Return the first child of a response's body. where: the camera, for errors. Raises SourceRefused, SourceError."""
    try:
        root = read_xml(data)
    except UnreadableXml as error:
        raise SourceError(where, f"its ONVIF service responded with {status} but no usable XML ({error})") from None
    body = next((one for one in root if local(one) == "Body"), None)
    content = next(iter(body), None) if body is not None else None
    if content is None:
        raise SourceError(where, f"its ONVIF service responded with {status} and no content")
    if local(content) == "Fault":
        reason = " ".join(part.strip() for part in content.itertext() if part.strip())[:_MAX_FAULT_CHARS]
        if _LOGIN.search(reason):
            raise SourceRefused(where)
        words = "".join(one if one.isprintable() else " " for one in reason)[:_WHY_CHARS]
        raise SourceError(where, f"its ONVIF service says: {words}")
    return content


def quoted(text: str) -> str:
    return escape(text, {'"': "&quot;"})
