"""Sealed pictures that the signed history lists although the disk does not have them under their name.

Earlier versions listed an event's better picture before its rename was durable. A power cut in between left the history
with a file that was never stored, and the picture that it should replace in its place.
"""

from collections.abc import Iterator, Mapping
from collections.abc import Set as AbstractSet
from typing import Final

from tawny.model.errors import FileDamaged
from tawny.sealed.file_scanner import FileEnding
from tawny.storage.disk.disk import parent_of
from tawny.storage.disk.layout import is_sealed, picture_event
from tawny.storage.disk.volume import Volume
from tawny.storage.history.file_signing import read_sealed
from tawny.storage.history.signed_files import Place, pass_items
from tawny.storage.repair.findings import Finding, FindingKind

NEW: Final = ".new"
WHY: Final = "not stored; the picture before it is still there"
"""What the signed history says of a picture after its repair: what was found, not who did it."""


def unstored_pictures(
    volume: Volume,
    missing: Mapping[Place, AbstractSet[str]],
    replaced: Mapping[Place, Place],
    there: Mapping[Place, str],
    *,
    repair: bool,
) -> dict[Place, Finding]:
    """Return a finding for each missing picture that was never stored.

    missing: digests of the missing files. replaced: the picture in whose place each should be. there: paths of present
    files. repair: complete the rename if the whole picture is there, and record the others as not stored. Raises
    StorageError.
    """
    findings: dict[Place, Finding] = {}
    for place, path, digest in _unnamed(volume) if missing else ():
        if digest in missing.get(place, ()):
            if repair:
                volume.disk.rename(path + NEW, path)
                volume.disk.sync_folder(parent_of(path))
            findings[place] = Finding(FindingKind.NOT_STORED, path, "its rename was interrupted", repaired=repair)
    for place in sorted(missing.keys() - findings.keys()):
        old = replaced.get(place)
        if old is not None and old in there:
            path = there[old]
            if repair:
                volume.disk.unlink(path + NEW)
                pass_items(volume.disk, [["removed", *place, place[3], WHY]])
            detail = f"number {place[3]} is listed, but number {old[3]}, which it replaces, is there"
            findings[place] = Finding(FindingKind.NOT_STORED, path, detail, repaired=repair)
    return findings


def _unnamed(volume: Volume) -> Iterator[tuple[Place, str, str]]:
    """Yield identity, path after the rename and digest of each whole sealed picture that was not renamed."""
    for camera in volume.cameras():
        for folder in volume.hour_folders(camera):
            for found, entry in volume.files(folder):
                path = found.removesuffix(NEW)
                if path == found or entry.kind != "file" or not is_sealed(path) or picture_event(path) is None:
                    continue
                try:
                    file = read_sealed(volume.disk, found, deep=True)
                except FileDamaged:
                    continue
                if file.ends is FileEnding.SIGNED:
                    head = file.header
                    yield (head.camera.hex(), head.kind, head.stream, head.number), path, file.digest.hex()
