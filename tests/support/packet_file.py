"""Packets for another process. Those of compiled modules can't be pickled themselves."""

import pickle
from collections.abc import Iterable
from dataclasses import fields
from pathlib import Path
from typing import Any

from tawny.model.packets import AudioFormat, Format, SourcePacket, VideoFormat


def _values(one: Any) -> dict[str, Any]:
    return {field.name: getattr(one, field.name) for field in fields(one)}


def save_packets(path: Path, packets: Iterable[SourcePacket]) -> None:
    saved = [(isinstance(one.format, VideoFormat), _values(one.format), _values(one)) for one in packets]
    path.write_bytes(pickle.dumps([(is_video, made, {**packet, "format": None}) for is_video, made, packet in saved]))


def load_packets(path: Path) -> list[SourcePacket]:
    """Equal formats are one object, as of a source."""
    formats: dict[Format, Format] = {}
    found = list[SourcePacket]()
    for is_video, values, packet in pickle.loads(path.read_bytes()):
        made: Format = VideoFormat(**values) if is_video else AudioFormat(**values)
        found.append(SourcePacket(**{**packet, "format": formats.setdefault(made, made)}))
    return found
