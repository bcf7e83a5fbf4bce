"""`check` holds files against the signed history: each thing done to them behind the recorder's back is named."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from shutil import copytree

import pytest

from tawny.engine import Bus, InlineEngine
from tawny.media.mp4.fragment_writer import init_segment
from tawny.media.mp4.leaf_proof import HEADER, changed_fragments, stored_proof
from tawny.media.mp4.segment_reader import read_segment
from tawny.model.ids import CameraId, StreamName
from tawny.model.segments import Segment
from tawny.model.times import Span
from tawny.recorder.recorder import SegmentRecorder
from tawny.sealed.file_reader import thin_file
from tawny.sealed.header import SealedHeader
from tawny.sealed.key_wrapping import Identity
from tawny.sealed.records import leaf_of
from tawny.sealed.statements import StatementDay
from tawny.storage.disk.disk import DiskAccess, FolderEntry
from tawny.storage.disk.layout import is_sealed, segment_name
from tawny.storage.disk.secondary_volumes import VolumeUse, join
from tawny.storage.disk.volume import Volume, copy
from tawny.storage.history.chains import SignedChain, StatedFiles, broken_links
from tawny.storage.history.file_signing import digest_of, read_sealed, sign_found
from tawny.storage.history.ledger import HistoryJournal, HistoryLedger
from tawny.storage.history.proof import read_history, verify_history
from tawny.storage.history.signed_files import FOLDER, STATE
from tawny.storage.history.signed_history import SignedHistory
from tawny.storage.index.memory_index import MemoryIndex
from tawny.storage.index.opening import rebuild
from tawny.storage.repair.check import CheckScope, check_volume
from tawny.storage.repair.finalize_segment import finalize_segments
from tawny.storage.repair.findings import Finding, FindingKind
from tawny.storage.repair.healing import Healer, wrong_with
from tawny.storage.retention.removal import Removal, remove_segments
from tawny.storage.retention.thinning import thin
from tawny.storage.sealing.epoch_keys import CameraSealing, EpochKeys
from tawny.storage.segments.metadata import read_header
from tawny.stream.hub import Hub
from tawny.testing.clock import FakeClock
from tawny.testing.packet_feed import FORMAT, PacketFeed

PORCH = CameraId("porch")
MAIN = StreamName.MAIN
EVER = Span(0, 1 << 45)
OWNER = Identity.new()


NOW = "2026-11-20T07:00:00Z"


@pytest.fixture(scope="module", params=[True, False], ids=["sealed", "plain"])
def recorded(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return record(tmp_path_factory.mktemp("recorded"), sealed=request.param)


def record(folder: Path, *, sealed: bool) -> Path:
    """Five minutes of one camera, stated; the recorder has ended."""
    clock, volume = FakeClock("2026-11-20T05:50:00Z"), Volume.at(folder)
    signed = SignedHistory.opened(volume.disk, clock.now_ms())
    seals = EpochKeys(signed, clock, lambda _: CameraSealing((OWNER.recipient,)) if sealed else None)
    engine = InlineEngine(clock, lambda name, error: pytest.fail(f"{name}: {error!r}"))
    recorder, hub = SegmentRecorder(volume, MemoryIndex(), clock, Bus(), seals=seals), Hub()
    recorder.start(engine)
    recorder.add(PORCH, MAIN, hub)
    feed = PacketFeed(hub, clock, fps=1, gop=4)
    for _ in range(310):
        feed.picture()
        engine.run_for(1)
    recorder.end_all()
    engine.run_for(5)
    assert signed.state(clock.now_ms())
    return folder


class Site:
    """A copy of it, an hour later."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.clock, self.index = folder, FakeClock(NOW), MemoryIndex()
        disk = Volume.at(folder).disk
        rebuild(Volume(disk), self.index, HistoryJournal(disk))
        self.signed = SignedHistory.opened(disk, self.clock.now_ms())
        self.volume = Volume(disk, self.signed)

    @property
    def is_sealed(self) -> bool:
        return is_sealed(self.segments[0].path)

    def state(self) -> None:
        assert self.signed.state(self.clock.now_ms())

    @property
    def ledger(self) -> HistoryLedger:
        return HistoryLedger(HistoryJournal(self.volume.disk), self.index, self.clock)

    @property
    def segments(self) -> list[Segment]:
        return self.index.segments(PORCH, MAIN, EVER)

    def path(self, number: int) -> Path:
        return self.folder / self.segments[number].path

    def found(self) -> list[tuple[FindingKind, str]]:
        report = check_volume(self.volume, self.index, self.clock, CheckScope(deep=True, beside_recorder=False))
        return [(one.what, one.detail) for one in report.findings]


@pytest.fixture
def site(recorded: Path, tmp_path: Path) -> Site:
    return Site(copytree(recorded, tmp_path / "data"))


def test_all_is_proved(site: Site) -> None:
    assert len(site.segments) >= 5
    assert site.found() == []


def test_what_the_recorder_removes_and_thins_is_explained(site: Site) -> None:
    thin(site.volume, site.index, site.segments[1])
    remove_segments(site.volume, site.index, site.ledger, site.clock, [Removal(site.segments[0], "older than 1 day")])
    assert site.found() == [], "before the next statement, and after it"
    site.state()
    assert site.found() == []


def test_what_the_recorder_removes_and_thins_during_the_check_is_explained(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    done: list[str] = []

    def meanwhile(chains: Sequence[SignedChain], contents: Sequence[StatedFiles]) -> Iterator[Finding]:
        if not done:
            done.append("once")
            thin(site.volume, site.index, site.segments[1])
            remove_segments(site.volume, site.index, site.ledger, site.clock, [Removal(site.segments[0], "too old")])
        return broken_links(chains, contents)

    monkeypatch.setattr("tawny.storage.history.proof.broken_links", meanwhile)
    assert list(verify_history(site.volume, site.clock.now_ms())) == []
    assert done


def test_what_was_thinned_right_before_a_power_cut_is_explained(site: Site) -> None:
    thin(site.volume, site.index, site.segments[1])
    assert Site(site.folder).found() == []


def test_what_the_recorder_removes_while_doubts_are_verified_is_explained(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows, times = site.segments, list[int]()

    def meanwhile(chains: Sequence[SignedChain], contents: Sequence[StatedFiles]) -> Iterator[Finding]:
        times.append(1)
        if len(times) == 1:
            thin(site.volume, site.index, rows[1])
        return broken_links(chains, contents)

    def reading(disk: DiskAccess, path: str) -> SealedHeader | None:
        if len(times) == 2 and path == rows[2].path and disk.entry(path) is not None:
            remove_segments(site.volume, site.index, site.ledger, site.clock, [Removal(rows[2], "too old")])
        return read_header(disk, path)

    monkeypatch.setattr("tawny.storage.history.proof.broken_links", meanwhile)
    monkeypatch.setattr("tawny.storage.history.proof.read_header", reading)
    assert list(verify_history(site.volume, site.clock.now_ms())) == []
    assert site.volume.disk.entry(rows[2].path) is None


def test_what_is_thinned_on_a_disk_that_came_after_the_start_is_explained(site: Site, tmp_path: Path) -> None:
    tier = join(site.volume, tmp_path / "tier", VolumeUse.TIER)
    old = site.segments[1]
    copy(site.volume, tier, old.path)
    site.volume.disk.unlink(old.path)
    assert thin(site.volume, site.index, old) is not None
    site.state()
    assert site.found() == []


def test_keys_that_are_older_than_the_statements_are_named(site: Site) -> None:
    """A backup was restored, and the newer history of a mirror copied over it."""
    keys = (site.folder / STATE).read_bytes()
    for _ in range(2):
        site.state()
    (site.folder / STATE).write_bytes(keys)
    detail = "the signing keys are older than the statements at its end, as those of an older backup"
    assert site.found() == [(FindingKind.HISTORY, detail)]


def test_statements_that_a_recorder_makes_during_the_check_are_no_finding(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = SignedChain.days

    def meanwhile(chain: SignedChain) -> dict[str, StatementDay]:
        for _ in range(2):
            site.state()
        return whole(chain)

    monkeypatch.setattr(SignedChain, "days", meanwhile)
    assert list(verify_history(site.volume, site.clock.now_ms())) == []


def _replaced(site: Site) -> None:
    site.path(1).write_bytes(site.path(2).read_bytes())


def _swapped(site: Site) -> None:
    one, other = site.path(1), site.path(2)
    data = one.read_bytes()
    one.write_bytes(other.read_bytes())
    other.write_bytes(data)


def _cut(site: Site) -> None:
    file = read_sealed(site.volume.disk, site.segments[1].path)
    site.path(1).write_bytes(site.path(1).read_bytes()[: file.records[-5].at])


def _bit(site: Site) -> None:
    data = bytearray(site.path(1).read_bytes())
    data[len(data) // 2] ^= 1
    site.path(1).write_bytes(data)


def _thinned(site: Site) -> None:
    file = read_sealed(site.volume.disk, site.segments[1].path)
    site.path(1).write_bytes(b"".join(thin_file(file)))


def _statement_gone(site: Site) -> None:
    site.state()
    path = site.folder / FOLDER / "2026-11-20.jsonl"
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join([lines[0], *lines[2:]]))


def _list_changed(site: Site) -> None:
    path = site.folder / FOLDER / "2026-11-20.list"
    path.write_bytes(path.read_bytes().replace(b'"signed"', b'"closed"'))


@pytest.mark.parametrize(
    ("attack", "named"),
    [
        (lambda site: site.path(1).unlink(), "neither present nor deleted"),
        (_replaced, "neither present nor deleted"),
        (_bit, "n't match what was"),
        (_statement_gone, "chain of statements is broken"),
        (_list_changed, "lists are missing"),
    ],
)
def test_what_a_stranger_does_is_named(site: Site, attack: Callable[[Site], None], named: str) -> None:
    attack(site)
    assert named in " ".join(detail for _, detail in site.found())


@pytest.mark.parametrize(("attack", "named"), [(_cut, "not what was stated"), (_thinned, "nothing says by whom")])
def test_what_a_stranger_does_without_a_key(site: Site, attack: Callable[[Site], None], named: str) -> None:
    if site.is_sealed:
        attack(site)
        assert named in " ".join(detail for _, detail in site.found())


def test_whoever_changes_a_plain_file_and_its_leaf_is_found_out(site: Site) -> None:
    """The key of the leaves is in the file; that of the signature is nowhere any more."""
    if site.is_sealed:
        return
    read = read_segment(site.path(1))
    proof = stored_proof(read)
    assert proof is not None
    fragment, (head, old) = read.fragments[5], proof.leaves[7]
    data = bytearray(site.path(1).read_bytes())
    data[fragment.offset + fragment.size - 1] ^= 1
    content = bytes(data[fragment.offset : fragment.offset + fragment.size])
    data = bytearray(bytes(data).replace(old, leaf_of(proof.leaf_key, head, content)))
    site.path(1).write_bytes(data)
    assert changed_fragments(read_segment(site.path(1))) == [], "all hashes in the file agree"
    assert "not what was stated" in " ".join(detail for _, detail in site.found())


@pytest.mark.parametrize("box", [b"mvhd", b"tkhd", b"mdhd"])
def test_a_changed_header_of_a_plain_file_is_named_and_a_sound_copy_used(
    site: Site, tmp_path: Path, box: bytes
) -> None:
    """Length, rotation and speed are in it: the recording would play otherwise, with every fragment as it was."""
    if site.is_sealed:
        return
    mirror = join(site.volume, tmp_path / "mirror", VolumeUse.MIRROR)
    path, before = site.segments[1].path, site.path(1).read_bytes()
    copy(site.volume, mirror, path)
    at = before.index(box) + 20
    site.path(1).write_bytes(before[:at] + bytes([before[at] ^ 1]) + before[at + 1 :])
    assert changed_fragments(read_segment(site.path(1))) == [HEADER]
    assert wrong_with(site.volume, path) == "its header was changed"
    assert (FindingKind.CHANGED, "its header was changed") in site.found()
    assert Healer(site.volume, site.ledger).sound_path(path).read_bytes() == before
    assert site.found() == []


def test_a_plain_file_that_a_crash_ended_is_proved_as_well(site: Site) -> None:
    """Recovery makes its leaves from what is there, and the next statement lists them."""
    if site.is_sealed:
        return
    read = read_segment(site.path(4))
    name = segment_name(site.segments[4].path)
    assert name is not None
    opened = replace(name, end_ms=None)
    site.path(4).rename(site.folder / opened.path)
    (site.folder / opened.path).write_bytes((site.folder / opened.path).read_bytes()[: read.fragments[-1].offset - 9])
    (done,) = finalize_segments(site.volume, [opened], "power cut")
    assert done.segment is not None
    proof = stored_proof(read_segment(site.folder / done.segment.path))
    assert proof is not None
    assert proof.digest == digest_of(site.volume, done.segment.path)[0]
    assert changed_fragments(read_segment(site.folder / done.segment.path)) == []


def test_a_start_looks_no_further_back_than_it_must(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """Hours that are stated, or from before there was a history, end the search for what the last recorder left."""
    hours = list(site.volume.hour_folders(PORCH))
    old = site.folder / "porch" / "2026" / "11" / "20" / "03"
    old.mkdir()
    name = "20261120T030000.000Z-20261120T030100.000Z.main.mp4"
    (old / name).write_bytes(init_segment(FORMAT, None, {"camera": "porch"}))
    looked: list[str] = []
    files = site.volume.files

    def noted(folder: str) -> Iterator[tuple[str, FolderEntry]]:
        looked.append(folder)
        return files(folder)

    monkeypatch.setattr(site.volume, "files", noted)
    sign_found(site.volume, site.signed)
    assert looked == hours[-1:]
    looked.clear()
    (site.folder / FOLDER / "state.json").unlink()
    sign_found(site.volume, SignedHistory.opened(site.volume.disk, site.clock.now_ms()))
    assert looked == hours[-1:], "of another recorder, as far as the new keys know"


def test_two_files_that_changed_places_say_that_they_are_others(site: Site) -> None:
    _swapped(site)
    assert [what for what, _ in site.found()].count(FindingKind.WRONG_NAME) == 2


def test_a_file_of_a_later_intruder_is_not_stated(site: Site) -> None:
    """He has the public keys, and writes to the disk."""
    name = segment_name(site.segments[1].path)
    assert name is not None
    other = Site(record(site.folder.parent / "other", sealed=site.is_sealed))
    strange = site.path(1).with_name(other.path(1).name.replace("T0551", "T0552"))
    strange.write_bytes(other.path(1).read_bytes())
    assert {FindingKind.NOT_STATED, FindingKind.CHANGED} <= {what for what, _ in site.found()}


def test_files_from_before_a_recorder_was_restored_are_no_finding(site: Site) -> None:
    """Its keys were not in the backup: it began a new history, and put the old one aside."""
    (site.folder / FOLDER / "state.json").unlink()
    again = SignedHistory.opened(site.volume.disk, site.clock.now_ms())
    assert again.genesis != site.signed.genesis
    assert site.found() == []


def test_the_fingerprint_is_that_of_the_recorder(site: Site) -> None:
    stated, findings = read_history(site.volume)
    assert (stated.genesis, findings) == (site.signed.genesis, [])
