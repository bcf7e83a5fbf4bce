"""What a connection counted, as what was odd of the camera and put up with, in words."""

from collections.abc import Mapping
from typing import Any, Final

_WORDS: Final = {
    "rubbish_bytes": "{n} bytes between its packets belong to nothing",
    "unasked": "{n} packets on channels that nobody asked for",
    "missing": "{n} packets never came",
    "late": "{n} packets came out of order",
    "repeated": "{n} packets came twice, or too late",
    "strangers": "{n} packets belong to another stream",
    "restarts": "its stream began anew {n} times on one connection",
    "clock_jumps": "its clock jumped {n} times",
    "damaged": "{n} pictures are not whole",
    "sound_bad": "{n} pieces of sound could not be understood",
    "sound_cut": "sound was left out {n} times, to be where its picture is",
    "sound_padded": "a silence was left {n} times, for sound to be where its picture is",
}


def forgiven(counted: Mapping[str, Any]) -> list[str]:
    """counted: a connection's notes."""
    told = [words.format(n=counted[name]) for name, words in _WORDS.items() if counted.get(name)]
    ignored = counted.get("sound_ignored")
    return [*told, f"its sound is {ignored}, which is not recorded"] if ignored else told
