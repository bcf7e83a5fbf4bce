"""Names in an evidence folder: the exporter's own, and those of what could be taken for evidence."""

import re
from collections.abc import Container, Iterable
from typing import Final

_OTHERS: Final = re.compile(r"README\.txt|chain-days\.jsonl|chain-\d{4}-\d\d-\d\d\.(jsonl|list)|\d+\.proof\.json")
"""Files of the exporter apart from films."""
_FILMS: Final = (
    *(".mp4", ".m4v", ".mov", ".mkv", ".avi", ".ts", ".webm", ".tws", ".mpg", ".mpeg", ".3gp", ".wmv", ".flv", ".mts"),
    *(".m2ts", ".vob", ".h264", ".h265", ".jpg", ".jpeg", ".png", ".gif", ".webp", ".heic", ".bmp", ".tif", ".tiff"),
    *(".wav", ".m4a", ".mp3", ".ogg", ".opus", ".aac", ".flac", "/"),
)
"""Endings of names in the folder that could be taken for evidence: films, images, sound, and folders of them."""
_OWN_FOLDERS: Final = frozenset(
    {"@eaDir/", "@Recycle/", "$RECYCLE.BIN/", "System Volume Information/", "lost+found/", "__pycache__/"}
)
"""Folders that computers make by themselves, like all hidden ones."""


def unproven(listed: Iterable[str], films: Container[str]) -> list[str]:
    """Return the files of a manifest that nothing verifies. films: those that something does."""
    return [name for name in listed if name not in films and not _OTHERS.fullmatch(name)]


def added(others: Iterable[str]) -> tuple[list[str], list[str]]:
    """Divide names that a manifest doesn't list into those that could be taken for evidence, and harmless ones."""
    taken, harmless = list[str](), list[str]()
    for name in others:
        is_own = name.startswith(".") or name in _OWN_FOLDERS
        (taken if not is_own and name.lower().rstrip(" .").endswith(_FILMS) else harmless).append(name)
    return taken, harmless


def printable(text: str) -> str:
    """Return a text that can't pretend to be another line."""
    return text if text.isprintable() else ascii(text)
