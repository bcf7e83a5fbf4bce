"""Data on cameras by maker: paths of their streams, quirks, and which were seen working.

The data is in `sources/cameras/*.toml`, one file for each maker or server. `docs/cameras/known.md` is made of it.
"""

import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

from tawny.sources.network_address import NetworkAddress

FOLDER: Final = Path(__file__).parents[1] / "cameras"


@dataclass(frozen=True, slots=True)
class StreamPaths:
    """Paths of a main and a sub stream. sub: may be empty. source: where they are documented; may be empty."""

    main: str
    sub: str = ""
    source: str = ""


@dataclass(frozen=True, slots=True)
class CameraQuirk:
    """Something that cameras do otherwise than others. what: in a sentence's words. source: who has seen it.

    test: a transcript, or the test that shows that tawny copes with it. drop: a parameter that is left out of addresses
    when a camera is added; may be empty.
    """

    what: str
    source: str
    test: str
    drop: str = ""


@dataclass(frozen=True, slots=True)
class SeenCamera:
    """A model that was recorded by tawny. by: who says it; may be empty. main, sub: paths. settings: that it needed."""

    model: str
    firmware: str = ""
    by: str = ""
    date: str = ""
    tawny: str = ""
    main: str = ""
    sub: str = ""
    streams: str = ""
    settings: str = ""
    forgiven: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class MakerEvents:
    """Events by the maker's own API. api: `maker` of the table `event_api`. reports: what, in words."""

    api: str
    reports: str
    source: str


@dataclass(frozen=True, slots=True)
class KnownMaker:
    """One maker, or server. names: pattern of maker, model or server name. prepare: what to do before it is added.

    address: of a server's streams, with `HOST` and other words in capitals to replace; empty for makers.
    """

    maker: str
    names: str
    rank: int
    """The more likely first."""
    prepare: str = ""
    address: str = ""
    is_server: bool = False
    events: MakerEvents | None = None
    streams: tuple[StreamPaths, ...] = ()
    quirks: tuple[CameraQuirk, ...] = ()
    seen: tuple[SeenCamera, ...] = ()

    def matches(self, text: str) -> bool:
        return bool(self.names and re.search(self.names, text, re.IGNORECASE))


def read_maker(text: str) -> KnownMaker:
    """Parse a file of the folder. Raises TypeError, KeyError and tomllib.TOMLDecodeError for an invalid one."""
    data: Mapping[str, Any] = tomllib.loads(text)
    seen = ({**one, "forgiven": tuple(one.get("forgiven", ()))} for one in data.get("seen", ()))
    lists = {
        "streams": tuple(StreamPaths(**one) for one in data.get("streams", ())),
        "quirks": tuple(CameraQuirk(**one) for one in data.get("quirks", ())),
        "seen": tuple(SeenCamera(**one) for one in seen),
    }
    events = {"events": MakerEvents(**data["events"])} if "events" in data else {}
    return KnownMaker(**({"names": "", **data} | lists | events))


@lru_cache(maxsize=1)
def known_makers() -> tuple[KnownMaker, ...]:
    """Return all makers and servers, the more likely first."""
    found = [read_maker(path.read_text("utf-8")) for path in FOLDER.glob("*.toml")]
    return tuple(sorted(found, key=lambda one: one.rank))


def candidates(text: str) -> Iterator[StreamPaths]:
    """Yield the paths to try: of the same model, of its maker, of all others. text: maker, model and server name."""
    own = [one for one in known_makers() if one.matches(text)]
    for maker in own:
        for seen in maker.seen:
            if seen.main and seen.model and seen.model.lower() in text.lower():
                yield StreamPaths(seen.main, seen.sub)
    for maker in (*own, *(one for one in known_makers() if one not in own)):
        yield from maker.streams


def without_quirks(address: NetworkAddress) -> NetworkAddress:
    """Return an address that a person has entered without the parameters that cameras add in vain."""
    path, _, query = address.path.partition("?")
    dropped = {quirk.drop for maker in known_makers() for quirk in maker.quirks if quirk.drop}
    asked = query.split("&")
    kept = [one for one in asked if one.partition("=")[0] not in dropped]
    return address if len(kept) == len(asked) else replace(address, path=f"{path}?{'&'.join(kept)}".rstrip("?"))
