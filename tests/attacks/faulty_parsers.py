"""Run the campaign of answers over a parser with a fault, which it has to find.

python -m tests.attacks.faulty_parsers quadratic_search --count 3000
"""

import argparse
import sys
import time
import xml.etree.ElementTree as ET
from collections.abc import Callable
from typing import Any, Final

from tawny.protocols import soap
from tawny.sources import onvif, packet_builder
from tawny.sources.rtsp.client import session, tcp_transport
from tests.attacks import media_grammar, rtsp_grammar
from tests.attacks.camera_answers import campaign

_kept: list[bytearray] = []


def _burn(seconds: float) -> None:
    begun_s = time.thread_time()
    while time.thread_time() - begun_s < seconds:
        pass


def _before(module: Any, name: str, fault: Callable[..., object]) -> None:
    usual = getattr(module, name)

    def faulty(*given: Any) -> Any:
        fault(*given)
        return usual(*given)

    setattr(module, name, faulty)


def quadratic_search() -> None:
    """For each element of a tree, the whole tree is searched."""
    searched: Callable[[ET.Element, str], list[ET.Element]] = soap.find_elements

    def quadratic(root: ET.Element, name: str) -> list[ET.Element]:
        for _ in root.iter():
            searched(root, name)
        return searched(root, name)

    vars(onvif)["find_elements"] = quadratic


def quadratic_head() -> None:
    """The head of a reply is copied for each of its bytes."""
    _before(session, "read_head", lambda head: [head[at:].lower() for at in range(len(head))])


def large_objects() -> None:
    """A header that is in few answers makes one large object for a moment: seen only where the process grows."""
    _before(session, "read_head", lambda head: b"x" * 30_000_000 if b"timeout=007" in head else None)


def many_objects() -> None:
    """A long list of elements makes many small objects."""
    _before(onvif, "find_elements", lambda root, _: [[] for _ in root.iter() for _ in range(100)])


def slow_word() -> None:
    """A word that is in few answers costs a tenth of a second."""
    _before(rtsp_grammar, "read_sdp", lambda data: _burn(0.1) if b"framerate:65536" in data else None)


def leak() -> None:
    """Each answer leaves 20 kB."""
    _before(tcp_transport, "_end_of_head", lambda *_: _kept.append(bytearray(b"x" * 20_000)))


def surprise() -> None:
    """A status that is in few answers ends in an error that nobody expects."""

    def fault(head: bytes) -> None:
        if head.startswith(b"RTSP/1.0 2000"):
            raise KeyError(head)

    _before(session, "read_head", fault)


def whole_picture_again() -> None:
    """All that has come of a stream is copied for each piece."""
    usual = packet_builder.AnnexbStream.feed
    kept: dict[int, bytes] = {}

    def feed(stream: packet_builder.AnnexbStream, data: bytes, now_s: float) -> list[packet_builder.AnnexbPicture]:
        kept[id(stream)] = kept.get(id(stream), b"") + data
        for at in range(0, len(kept[id(stream)]), 5):
            kept[id(stream)][at:].find(b"tawny")
        return usual(stream, data, now_s)

    vars(media_grammar)["AnnexbStream"].feed = feed


def unbounded_values() -> None:
    """A command's values are copied for each of them."""
    _before(media_grammar, "read_command", lambda body: [body[at:] for at in range(len(body))])


FAULTS: Final[dict[str, tuple[str, Callable[[], None]]]] = {
    fault.__name__: (kind, fault)
    for kind, fault in (
        ("onvif", quadratic_search),
        ("rtsp", quadratic_head),
        ("rtsp", large_objects),
        ("onvif", many_objects),
        ("sdp", slow_word),
        ("rtsp", leak),
        ("rtsp", surprise),
        ("bytes", whole_picture_again),
        ("rtmp", unbounded_values),
    )
}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("fault", choices=FAULTS)
    parser.add_argument("--count", type=int, default=3_000)
    asked = parser.parse_args()
    kind, install = FAULTS[asked.fault]
    install()
    finding = next(campaign(kind, range(asked.count)), None)
    print(finding)
    return 0 if finding else 1


if __name__ == "__main__":
    sys.exit(main())
