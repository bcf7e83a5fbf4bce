"""Encrypted recordings in a bucket open by the key rings of their days, which are on the disks."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from tawny.media.mp4.segment_reader import read_segment
from tawny.model.errors import FileSealed
from tawny.model.segments import Segment
from tawny.playback.decrypted import DecryptedRecordings
from tawny.sealed.key_wrapping import Identity
from tawny.storage.disk.layout import keys_path
from tawny.storage.sealing.rewrap import rewrap_camera
from tests.service.retention.archive_bench import ArchivedSite, BucketServer, bucket_server, moved_sealed
from tests.storage.bench import PORCH

PEOPLE = [Identity.new() for _ in range(9)]
OWNER, GUEST = PEOPLE[:2]


@pytest.fixture(scope="module")
def server() -> Iterator[BucketServer]:
    with bucket_server() as made:
        yield made


def _opens(archived: ArchivedSite, segment: Segment, who: Identity) -> bool:
    path = DecryptedRecordings(who).path(segment, archived.segment_path(segment))
    try:
        return bool(read_segment(path).fragments)
    except FileSealed:
        return False


@pytest.mark.parametrize(
    ("to", "shuts_out"),
    [((OWNER, GUEST), False), ((GUEST,), True), (PEOPLE[:3], True), (PEOPLE, True)],
    ids=["added", "another", "three", "nine"],
)
def test_whoever_shall_open_a_recording_in_a_bucket_can(
    tmp_path: Path, server: BucketServer, request: pytest.FixtureRequest, to: Sequence[Identity], *, shuts_out: bool
) -> None:
    archived = ArchivedSite(tmp_path, server, request.node.callspec.id)
    segment = moved_sealed(archived, OWNER)
    assert [one for one in PEOPLE if _opens(archived, segment, one)] == [OWNER]
    recipients = [one.recipient for one in to]
    rewrap_camera(archived.site.volume, PORCH, [OWNER], recipients, shuts_out=shuts_out, before="9999")
    assert [one for one in PEOPLE if _opens(archived, segment, one)] == list(to)


def test_what_is_in_a_bucket_opens_without_the_main_disk(tmp_path: Path, server: BucketServer) -> None:
    archived = ArchivedSite(tmp_path, server, "bucket-alone")
    segment = moved_sealed(archived, OWNER)
    everyone = [one.recipient for one in PEOPLE]
    rewrap_camera(archived.site.volume, PORCH, [OWNER], everyone, shuts_out=True, before="9999")
    (archived.site.folder / keys_path(PORCH, segment.start_ms)).unlink()
    assert [one for one in PEOPLE if _opens(archived, segment, one)] == PEOPLE


def test_adding_a_key_reads_and_changes_nothing_in_a_bucket(tmp_path: Path, server: BucketServer) -> None:
    archived = ArchivedSite(tmp_path, server, "not-asked")
    segment = moved_sealed(archived, OWNER)
    asked = len(server.requests)
    recipients = [OWNER.recipient, GUEST.recipient]
    done = rewrap_camera(archived.site.volume, PORCH, [OWNER], recipients, shuts_out=False, before="9999")
    assert (done.keys, done.failed, len(server.requests)) == (1, {}, asked)
    assert _opens(archived, segment, GUEST)
