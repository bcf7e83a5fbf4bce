"""Converts a connection's counters to descriptions of tolerated protocol violations."""

from collections.abc import Mapping
from typing import Any, Final

_WORDS: Final = {
    "rubbish_bytes": "{n} unexpected bytes between packets",
    "unasked": "{n} packets on channels that weren't requested",
    "missing": "{n} packets lost",
    "late": "{n} packets out of order",
    "repeated": "{n} packets duplicated or too late",
    "strangers": "{n} packets from another stream",
    "restarts": "stream restarted {n} times without reconnecting",
    "clock_jumps": "camera clock jumped {n} times",
    "damaged": "{n} damaged frames",
    "sound_bad": "{n} unreadable audio packets",
    "sound_cut": "audio cut {n} times to stay in sync",
    "sound_padded": "silence added {n} times to stay in sync",
}


def tolerated_faults(counted: Mapping[str, Any]) -> list[str]:
    """Return the descriptions. counted: a connection's notes."""
    told = [words.format(n=counted[name]) for name, words in _WORDS.items() if counted.get(name)]
    ignored = counted.get("sound_ignored")
    return [*told, f"its audio format {ignored} isn't supported and isn't recorded"] if ignored else told
