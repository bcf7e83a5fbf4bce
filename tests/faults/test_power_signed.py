"""Power cuts while a file is ended: what the next statement calls signed is, and what it lists is what is there."""

import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from tawny.media.mp4.leaf_proof import KIND, changed_leaves, rebuild_proof, stored_proof
from tawny.media.mp4.segment_reader import read_segment
from tawny.sealed.file_reader import FileEnding, open_sealed
from tawny.sealed.records import END, KEY_ALONE, SIGNATURE
from tawny.sealed.signing import is_signed
from tawny.storage.disk.disk import RealDisk
from tawny.storage.disk.layout import is_sealed, segment_name
from tawny.storage.disk.volume import Volume
from tawny.storage.history.file_signing import read_sealed
from tawny.storage.history.signed_history import SignedHistory
from tawny.storage.segments.metadata import read_header
from tests.faults.power import CAMERAS, OWNER, after_cut, recorded
from tests.storage.test_signed_history import proved
from tests.support.disk import MemoryDisk

LATER_MS = 1 << 41
MOST_LOST_S = 2.5


@pytest.fixture(scope="module", params=["plain", "sealed"])
def disk(request: pytest.FixtureRequest) -> MemoryDisk:
    return recorded(sealed=request.param == "sealed", seconds=65)


@pytest.mark.parametrize("cuts", [12, pytest.param(150, marks=pytest.mark.long)])
def test_what_is_listed_as_signed_is_whole(disk: MemoryDisk, quick_folder: Path, cuts: int) -> None:
    """The end of a file is cut off in all ways: sectors of its proof or signature may be lost, and later ones not."""
    found: set[str] = set()
    for folder, point, seed in cut(disk, disk.writes(is_end)[:2], cuts, quick_folder):
        for ends, wrong in listed(folder):
            assert not wrong, f"cut at {point}, seed {seed}: {wrong}"
            found.add(ends)
    assert FileEnding.SIGNED in found
    assert found - {FileEnding.SIGNED}


@pytest.mark.parametrize("cuts", [4, pytest.param(60, marks=pytest.mark.long)])
def test_a_second_that_a_power_cut_tore_takes_no_other_with_it(disk: MemoryDisk, quick_folder: Path, cuts: int) -> None:
    """Also where its beginning was lost and its end was not: `look` finds what is missing."""
    points = disk.writes(lambda data: data[:1] == bytes([KEY_ALONE]) or b"moof" in data[:8])
    for folder, point, seed in cut(disk, points[len(points) // 2 :][:6], cuts, quick_folder):
        for _, wrong in listed(folder):
            assert not wrong, f"cut at {point}, seed {seed}: {wrong}"


def is_end(data: bytes) -> bool:
    """Of a plain file, or of a sealed one."""
    return KIND in data or (END <= data[0] < SIGNATURE and len(data) < 512 and data[1:4] < b"\0\1\0")


def cut(disk: MemoryDisk, points: list[int], cuts: int, folder: Path) -> Iterator[tuple[Path, int, int]]:
    """Each of the points so many times; what was recorded until then is there."""
    assert points
    dice = random.Random(8)
    for number, point in enumerate(points * cuts):
        seed, one = dice.randrange(1 << 30), folder / str(number)
        broken = after_cut(disk, point, seed, one, sealed=any(map(is_sealed, disk.files)))
        assert not broken.findings, f"cut at {point}, seed {seed}: {broken.findings[:3]}"
        assert not broken.acknowledged, f"cut at {point}, seed {seed}: {broken.acknowledged[:3]}"
        assert broken.lost_s <= MOST_LOST_S, f"cut at {point}, seed {seed}"
        yield one, point, seed


def listed(folder: Path) -> Iterator[tuple[str, str]]:
    """How each file ends by the statements, and what is wrong with that; empty if nothing is."""
    volume = Volume.at(folder)
    history = SignedHistory.opened(RealDisk(folder), LATER_MS)
    history.state(LATER_MS)
    stated = proved(volume.disk, history.genesis)
    keys = {one.n: one.key for one, _ in stated.values()}
    by_place = {tuple(item[1:5]): (item, n) for n, (_, items) in stated.items() for item in items if item[0] == "file"}  # type: ignore[index]
    for camera in CAMERAS:
        for hour in volume.hour_folders(camera):
            for path, _ in volume.files(hour):
                if segment_name(path) is None:
                    continue
                header = read_header(volume.disk, path)
                assert header is not None
                item, n = by_place[header.camera.hex(), header.kind, header.stream, header.number]
                yield item[6], _wrong(volume, path, bytes.fromhex(item[5]), item[6], n, keys[n])  # type: ignore[index]


def _wrong(volume: Volume, path: str, digest: bytes, ends: str, n: int, key: str) -> str:
    answer, signature, statement, is_true = _sealed(volume, path) if is_sealed(path) else _plain(volume, path)
    if answer != digest:
        return f"{path}: another digest"
    if not is_true:
        return f"{path}: its leaves are not those of what is in it"
    is_well_signed = bool(signature) and statement == n and is_signed(key, b"file", digest, signature)
    if (ends == FileEnding.SIGNED) != is_well_signed:
        return f"{path}: listed as {ends}, and its signature {'holds' if is_well_signed else 'does not hold'}"
    return ""


def _sealed(volume: Volume, path: str) -> tuple[bytes, bytes, int | None, bool]:
    file = read_sealed(volume.disk, path, deep=True)
    all_open = len(list(open_sealed(file, [OWNER]).contents())) == len(file.records)
    return file.digest, file.signature, file.statement, all_open


def _plain(volume: Volume, path: str) -> tuple[bytes, bytes, int | None, bool]:
    read = read_segment(volume.own_path(path))
    proof = stored_proof(read)
    assert proof is not None, path
    again = rebuild_proof(read)
    assert again is not None
    is_true = not changed_leaves(read, proof) and proof.leaves[: len(again)] == again
    return proof.digest, proof.signature, proof.statement, is_true
