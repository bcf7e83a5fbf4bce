"""Bounded XML parser for cameras' responses: depth, elements, attributes and bytes are limited, the cost is linear.

Names are local names, without prefixes: cameras differ in them. Namespaces are not resolved, because each name would
then repeat its namespace, whose length the camera chooses. A DOCTYPE, and with it every entity, is refused in any
encoding.
"""

import io
import xml.etree.ElementTree as ET
from typing import Final
from xml.parsers import expat

MAX_BYTES: Final = 512_000
"""Responses with all profiles of a camera with several lenses have up to 200 kB."""
MAX_DEPTH: Final = 64
"""Responses of ONVIF services have up to 14 levels."""
MAX_ELEMENTS: Final = 5_000
MAX_ATTRIBUTES: Final = 64
"""Per element; some envelopes declare 40 namespaces."""


class UnreadableXml(ValueError):
    """The data is no XML, or exceeds a limit; the message gives the reason."""


class _BoundedBuilder:
    """Builds the tree from expat's callbacks. Raises UnreadableXml at the limits."""

    def __init__(self) -> None:
        self._tree = ET.TreeBuilder()
        self._depth = self._elements = 0

    def start(self, name: str, attributes: dict[str, str]) -> None:
        self._depth += 1
        self._elements += 1
        if self._depth > MAX_DEPTH:
            raise UnreadableXml(f"more than {MAX_DEPTH} nested elements")
        if self._elements > MAX_ELEMENTS:
            raise UnreadableXml(f"more than {MAX_ELEMENTS} elements")
        if len(attributes) > MAX_ATTRIBUTES:
            raise UnreadableXml(f"more than {MAX_ATTRIBUTES} attributes in one element")
        self._tree.start(_local(name), {_local(key): value for key, value in attributes.items()})

    def end(self, name: str) -> None:
        self._depth -= 1
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
    built, parser = _BoundedBuilder(), expat.ParserCreate()
    parser.buffer_text = True
    parser.StartElementHandler, parser.EndElementHandler = built.start, built.end
    parser.CharacterDataHandler, parser.StartDoctypeDeclHandler = built.text, built.refuse
    try:
        parser.ParseFile(io.BytesIO(data))
    except (expat.ExpatError, LookupError, UnicodeError, ValueError) as error:  # the last three: unusable encodings
        raise UnreadableXml(str(error)) from None
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


def _local(name: str) -> str:
    return name.rpartition(":")[2] or name
