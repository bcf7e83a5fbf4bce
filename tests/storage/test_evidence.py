"""Evidence that a stranger checks: what was recorded holds, what is missing is explained, tampering is named."""

import io
import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import redirect_stdout
from dataclasses import replace
from itertools import product
from pathlib import Path
from runpy import run_path
from shutil import copytree
from unittest.mock import patch

import av
import pytest

from tawny.media.mp4.leaf_proof import LeafProof
from tawny.media.mp4.segment_reader import SamplePlace, SegmentReader, read_segment
from tawny.media.mp4.segment_reader import places as places_of
from tawny.model.errors import FileDamaged, NotDone
from tawny.model.ids import StreamName
from tawny.model.segments import Gap, GapReason, Segment
from tawny.model.times import Span, utc_from_text, utc_text
from tawny.playback.evidence import EvidenceRequest, EvidenceResult, write_evidence
from tawny.sealed.evidence import MANIFEST, EvidenceVerdict, verify
from tawny.sealed.file_reader import FileScan, open_sealed
from tawny.sealed.records import leaf_of
from tawny.sealed.signing import Signer, canonical, hash_of, new_key, read_signed, signed
from tawny.sealed.statements import StatementDay, lines_of
from tawny.storage.disk.layout import segment_name
from tawny.storage.disk.volume import Volume
from tawny.storage.history.chains import SignedChain
from tawny.storage.history.evidence_folder import EvidenceFolder, ExportedRecording, shown_of, signer_of
from tawny.storage.history.file_signing import read_sealed
from tawny.storage.history.signed_files import NAMES, STATE
from tawny.storage.history.signed_history import SignedRow
from tawny.storage.retention.removal import Removal, remove_segments
from tawny.storage.retention.thinning import thin
from tawny.testing.clock import FakeClock
from tests.sealed.test_vectors import HERE
from tests.storage.test_proof import OWNER, PORCH, Site, record
from tests.support.bad_sector import bad_sector

PROGRAM = Path(__file__).parents[2] / "docs" / "verify.py"
HOUR = Span(utc_from_text("2026-11-20T05:00:00Z"), utc_from_text("2026-11-20T07:30:00Z"))


def evidence(site: Site, folder: Path, within: Span = HOUR) -> str:
    """Made of all that there is; the recorder's fingerprint."""
    return made_of(site, folder, within).fingerprint


def made_of(site: Site, folder: Path, within: Span = HOUR) -> EvidenceResult:
    asked = EvidenceRequest(PORCH, StreamName.MAIN, within, "box", "tawny", site.clock.now_ms())
    return write_evidence(
        site.volume, site.index, asked, folder, lambda path: open_sealed(sealed(site, path), [OWNER]), lambda _: None
    )


def sealed(site: Site, path: str) -> FileScan:
    return read_sealed(site.volume.disk, path)


def checked(folder: Path, genesis: str) -> EvidenceVerdict:
    return verify(lambda name: (folder / name).read_bytes() if (folder / name).is_file() else None, genesis)


def told_by_program(folder: Path, genesis: str) -> tuple[int, str]:
    """What the program of the documentation says."""
    result = io.StringIO()
    with patch.object(sys, "argv", [str(PROGRAM), str(folder), genesis]), redirect_stdout(result):
        try:
            run_path(str(PROGRAM))
        except SystemExit as end:
            return 1, str(end)
    return 0, result.getvalue()


class Case:
    """An export with a gap, a removed minute and a thinned one, and what it is made of."""

    def __init__(self, folder: Path, genesis: str, site: Site) -> None:
        self.folder, self.genesis, self.site = folder, genesis, site

    def read(self, name: str) -> bytes:
        return (self.folder / name).read_bytes()

    def write(self, name: str, data: bytes) -> None:
        (self.folder / name).write_bytes(data)

    def proof(self, name: str = "000") -> dict:  # type: ignore[type-arg]
        return dict(json.loads(self.read(f"{name}.proof.json")))

    def manifest(self) -> dict:  # type: ignore[type-arg]
        return dict(read_signed(self.read(MANIFEST)).content)

    def sign_again(self, change: Callable[[dict], None] = lambda _: None, *, key: Signer | None = None) -> None:  # type: ignore[type-arg]
        """As a thief of today's keys can: everything in the folder agrees with the manifest."""
        result = self.manifest()
        for name in list(result["files"]):
            data = self.read(name) if (self.folder / name).exists() else b""
            result["files"][name] = {"bytes": len(data), "sha256": hash_of(data)}
        change(result)
        signer = key or signer_of(self.site.volume.disk)
        self.write(MANIFEST, signed(result | {"statement": signer.statement}, b"export", signer.key))

    @property
    def verdict(self) -> EvidenceVerdict:
        return checked(self.folder, self.genesis)

    @property
    def program(self) -> tuple[int, str]:
        return told_by_program(self.folder, self.genesis)


@pytest.fixture(scope="module", params=[True, False], ids=["sealed", "plain"])
def exported(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Case:
    base = tmp_path_factory.mktemp("evidence")
    site = Site(record(base / "data", sealed=request.param))
    thin(site.volume, site.index, site.segments[2])
    remove_segments(site.volume, site.index, site.ledger, site.clock, [Removal(site.segments[1], "older than 1 hour")])
    begin_ms = site.segments[0].start_ms + 1000
    site.index.put_gap(Gap(PORCH, begin_ms, begin_ms + 7000, GapReason.STALLED))
    site.signed.add(["gap", site.signed.camera(PORCH).hex(), begin_ms, begin_ms + 7000, "stalled"])
    site.state()
    return Case(base / "export", evidence(site, base / "export"), site)


@pytest.mark.parametrize("is_sealed", [True, False])
def test_what_was_stated_deleted_or_thinned_days_later_is_explained(tmp_path: Path, *, is_sealed: bool) -> None:
    site = Site(record(tmp_path / "data", sealed=is_sealed))
    site.clock.advance(30 * 86_400)
    thin(site.volume, site.index, site.segments[2])
    remove_segments(site.volume, site.index, site.ledger, site.clock, [Removal(site.segments[1], "deleted by Anna")])
    for _ in range(2):
        site.state()
        site.clock.advance(2 * 86_400)
    site.signed.add(["gap", site.signed.camera(PORCH).hex(), 0, 1, "later"])
    site.state()
    verdict = checked(tmp_path / "export", evidence(site, tmp_path / "export"))
    assert verdict.problems == []
    assert any("was deleted by the recorder: deleted by Anna" in note for note in verdict.notes)
    assert any("was reduced to keyframes" in note for note in verdict.notes)
    assert not any("left out" in note for note in verdict.notes)


def _headless(path: Path) -> None:
    path.write_bytes(bytes(4096) + path.read_bytes()[4096:])


def _cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:100])


def _last_third_zeroed(path: Path) -> None:
    data = path.read_bytes()
    path.write_bytes(data[: len(data) * 2 // 3] + bytes(len(data) - len(data) * 2 // 3))


def _without_end(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-200])


@pytest.mark.parametrize(
    ("broken", "is_sealed"),
    [
        *product([_headless, _cut, Path.unlink], [True, False]),
        (_without_end, False),
    ],  # a sealed file proves what is left
)
def test_a_recording_that_cannot_be_read_is_left_out_and_named(
    tmp_path: Path, broken: Callable[[Path], None], *, is_sealed: bool
) -> None:
    site = Site(record(tmp_path / "data", sealed=is_sealed))
    whole = len(site.segments)
    lost = site.segments[1]
    broken(site.path(1))
    made = made_of(site, tmp_path / "export")
    assert made.recordings == whole - 1
    assert [(gap.begin_ms, gap.end_ms) for gap in made.unreadable] == [(lost.start_ms, lost.end_ms)]
    verdict = checked(tmp_path / "export", made.fingerprint)
    assert (verdict.problems, told_by_program(tmp_path / "export", made.fingerprint)[0]) == ([], 0)
    assert [one["from"] for one in verdict.manifest["unreadable"]] == [utc_text(lost.start_ms)]
    (note,) = (one for one in verdict.notes if "isn't included: " in one)
    assert utc_text(lost.start_ms) in note
    assert not note.endswith(": ")
    assert any("exists but isn't in this folder" in note for note in verdict.notes)


@pytest.mark.parametrize("is_sealed", [True, False])
def test_what_cannot_be_proven_is_named_as_one_time(tmp_path: Path, *, is_sealed: bool) -> None:
    site = Site(record(tmp_path / "data", sealed=is_sealed))
    first, second, *_ = site.segments
    for segment in (first, second):
        thin(site.volume, site.index, segment)
    made = made_of(site, tmp_path / "export")
    found = [(gap.begin_ms, gap.end_ms, gap.detail) for gap in made.unreadable]
    assert found == [(first.start_ms, second.end_ms, "only its keyframes are left, which can't be proven")]
    notes = checked(tmp_path / "export", made.fingerprint).notes
    assert any(utc_text(first.start_ms) in note and "isn't included: only its keyframes" in note for note in notes)


@pytest.mark.parametrize("is_sealed", [True, False])
def test_a_recording_that_is_not_closed_is_named(tmp_path: Path, *, is_sealed: bool) -> None:
    site = Site(record(tmp_path / "data", sealed=is_sealed))
    last, _ = _opened_again(site)
    (gap,) = made_of(site, tmp_path / "export").unreadable
    assert (gap.begin_ms, gap.detail.partition(",")[0]) == (last.start_ms, "its file isn't closed yet")


def _opened_again(site: Site, number: int = -1) -> tuple[Segment, Path]:
    """A recording, and its file as if it was not closed."""
    segment = site.segments[number]
    site.index.drop_segments([segment])
    name = segment_name(segment.path)
    assert name is not None
    return segment, (site.folder / segment.path).rename(site.folder / replace(name, end_ms=None).path)


@pytest.mark.parametrize("is_sealed", [True, False])
def test_a_recording_that_is_not_closed_and_cannot_be_read_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, is_sealed: bool
) -> None:
    site = Site(record(tmp_path / "data", sealed=is_sealed))
    lost, path = _opened_again(site, 1)
    bad_sector(monkeypatch, path)
    made = made_of(site, tmp_path / "export")
    end_ms = site.segments[1].start_ms
    gap = Gap(PORCH, lost.start_ms, end_ms, GapReason.DISK_ERROR, "Input/output error")
    assert (made.recordings, made.unreadable) == (len(site.segments), (gap,))
    after = made_of(site, tmp_path / "after", Span(end_ms, HOUR.end_ms))
    assert (after.recordings, after.unreadable) == (len(site.segments) - 1, ())


def test_the_newest_recording_that_cannot_be_read_may_last_eleven_minutes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = Site(record(tmp_path / "data", sealed=False))
    lost, path = _opened_again(site)
    bad_sector(monkeypatch, path)
    (gap,) = made_of(site, tmp_path / "export").unreadable
    assert (gap.begin_ms, gap.end_ms) == (lost.start_ms, lost.start_ms + 660_000)


def test_a_recording_on_another_disk_that_is_not_closed_is_named(tmp_path: Path) -> None:
    site = Site(record(tmp_path / "data", sealed=False))
    other = Volume.at(tmp_path / "other")
    site.volume.add_other(other)
    last, path = _opened_again(site)
    there = other.root / path.relative_to(site.folder)
    there.parent.mkdir(parents=True)
    path.rename(there)
    (gap,) = made_of(site, tmp_path / "export").unreadable
    assert gap.begin_ms == last.start_ms


@pytest.mark.parametrize(("later_ms", "due_ms"), [(60_000, 1_320_000), (660_000, 0)])
def test_what_is_being_written_is_signed_later(tmp_path: Path, later_ms: int, due_ms: int) -> None:
    """What was open for eleven minutes isn't being written: a power cut left it."""
    site = Site(record(tmp_path / "data", sealed=False))
    last, _ = _opened_again(site)
    site.clock = FakeClock(utc_text(last.start_ms + later_ms))
    made = made_of(site, tmp_path / "export")
    assert (made.check.waiting, made.check.until_ms) == (0, due_ms and last.start_ms + due_ms)


def test_what_a_power_cut_left_needs_a_start_of_tawny(tmp_path: Path) -> None:
    site = Site(record(tmp_path / "data", sealed=False))
    for _ in range(len(site.segments)):
        _opened_again(site)
    with pytest.raises(NotDone) as refused:
        evidence(site, tmp_path / "export")
    assert "what a power cut left after the next start of tawny" in refused.value.todo


def test_where_only_keyframes_are_left_the_error_says_so(tmp_path: Path) -> None:
    site = Site(record(tmp_path / "data", sealed=False))
    for segment in site.segments:
        thin(site.volume, site.index, segment)
    with pytest.raises(NotDone, match="Only keyframes are left of what porch recorded in this time"):
        evidence(site, tmp_path / "export")


def test_a_sealed_recording_with_a_broken_second_is_left_out(tmp_path: Path) -> None:
    site = Site(record(tmp_path / "data", sealed=True))
    _last_third_zeroed(site.path(1))
    made = made_of(site, tmp_path / "export")
    assert not made.check.problems


def test_where_no_recording_can_be_read_the_error_says_so(tmp_path: Path) -> None:
    site = Site(record(tmp_path / "data", sealed=False))
    for number in range(len(site.segments)):
        _headless(site.path(number))
    with pytest.raises(FileDamaged):
        evidence(site, tmp_path / "export")
    assert not (tmp_path / "export").exists()


def test_a_clip_that_cannot_be_made_does_not_prevent_the_evidence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: object, **__: object) -> None:
        raise ValueError("a gap is too long for an MP4 file")

    monkeypatch.setattr("tawny.playback.evidence.as_file", fails)
    site = Site(record(tmp_path / "data", sealed=False))
    made = made_of(site, tmp_path / "export")
    assert (made.check.problems, made.recordings) == ([], len(site.segments))
    assert not (tmp_path / "export" / "clip.mp4").exists()


def test_a_clip_that_breaks_off_leaves_nothing_of_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def breaks_off(*_: object) -> Iterator[bytes]:
        yield b"half"
        raise FileDamaged("000.mp4", "it ends")

    monkeypatch.setattr("tawny.media.mp4.progressive.ProgressiveMp4.read", breaks_off)
    site = Site(record(tmp_path / "data", sealed=False))
    assert not made_of(site, tmp_path / "export").check.problems
    assert not (tmp_path / "export" / "clip.mp4").exists()


def test_the_days_of_a_long_history_are_verified_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    site = Site(record(tmp_path / "data", sealed=False))
    for _ in range(9):
        site.clock.advance(86_400)
        site.state()
    verified, verify_days = list[str](), SignedChain.days

    def verify(chain: SignedChain) -> dict[str, StatementDay]:
        verified.append(chain.genesis)
        return verify_days(chain)

    monkeypatch.setattr(SignedChain, "days", verify)
    evidence(site, tmp_path / "export")
    assert len(verified) == 1


@pytest.fixture
def case(exported: Case, tmp_path: Path) -> Case:
    return Case(copytree(exported.folder, tmp_path / "export"), exported.genesis, exported.site)


def test_it_holds_and_what_is_missing_is_explained(case: Case) -> None:
    verdict = case.verdict
    assert verdict.problems == []
    text = " ".join(verdict.notes)
    assert "recording 1 was deleted by the recorder: older than 1 hour" in text
    assert "no recording for 7 s from 2026-11-20T05:5" in text
    if not case.site.is_sealed:
        assert "recording 2 was reduced to keyframes" in text
    assert verdict.manifest["gaps"][0]["reason"] == "stalled"
    assert "no video for the first 3000 s" in text
    assert "tawny verify" in case.read("README.txt").decode()
    code, answer = case.program
    assert (code, _elsewhere(case)) == (0, answer), answer
    assert "recording 1 is not shown. What the recorder stated of it: file, removed" in answer
    assert "nothing was recorded for 7 s from 2026-11-20 05:5" in answer
    assert "It holds: porch" in answer


def _elsewhere(case: Case) -> str:
    """In a process of its own, in another place, that knows nothing of tawny."""
    words = [sys.executable, "-I", str(PROGRAM), str(case.folder), case.genesis]
    return subprocess.run(words, capture_output=True, text=True, check=True, cwd=case.folder, env={}).stdout


def test_the_films_play_as_they_are(case: Case) -> None:
    for path in sorted(case.folder.glob("0*.mp4")):
        film = read_segment(path)
        assert film.fragments
        assert not film.torn


def test_a_part_of_a_recording_begins_with_a_key_picture(case: Case, tmp_path: Path) -> None:
    begin_ms = case.site.segments[0].start_ms
    genesis = evidence(case.site, tmp_path / "part", Span(begin_ms + 10_500, begin_ms + 20_000))
    assert checked(tmp_path / "part", genesis).problems == []
    (film,) = (tmp_path / "part").glob("0*.mp4")
    read = read_segment(film)
    assert read.fragments[0].is_keyframe
    assert 6_000 <= read.fragments[0].start_ticks // 90 <= 10_500
    assert read.fragments[-1].start_ticks // 90 < 20_000


def test_another_recorder_has_not_signed_it(case: Case) -> None:
    assert checked(case.folder, "ab" * 32).problems == ["it is signed by another recorder"]
    assert "another's" in told_by_program(case.folder, "ab" * 32)[1]


def test_the_vectors_hold() -> None:
    folder = HERE / "export"
    genesis = (HERE / "export-genesis.txt").read_text().strip()
    verdict = checked(folder, genesis)
    assert verdict.problems == []
    assert told_by_program(folder, genesis)[0] == 0


def test_the_program_is_short_and_needs_nothing_of_tawny() -> None:
    text = PROGRAM.read_text()
    assert len(text.splitlines()) <= 148
    assert "import tawny" not in text
    assert "from tawny" not in text


def test_the_clip_is_the_films_in_one_with_only_what_was_asked_for(case: Case) -> None:
    """Each of its pictures is byte for byte one of theirs: nothing was encoded."""
    shown = [case.read(path.name) for path in sorted(case.folder.glob("0*.mp4"))]
    with av.open(str(case.folder / "clip.mp4")) as film:
        pictures = [bytes(packet) for packet in film.demux(video=0) if packet.size]
    assert len(pictures) == sum(len(list(places(read_segment(path)))) for path in case.folder.glob("0*.mp4"))
    assert all(any(picture in film for film in shown) for picture in pictures)
    assert sorted(case.manifest()["derived"]) == ["clip.mp4"]
    assert case.read("clip.mp4").index(b"moov") < case.read("clip.mp4").index(b"mdat")


def places(segment: SegmentReader) -> Iterator[SamplePlace]:
    return (place for place in places_of(segment, segment.fragments) if place.is_video)


def test_the_clip_begins_and_ends_where_it_was_asked_to(case: Case, tmp_path: Path) -> None:
    begin_ms = case.site.segments[0].start_ms
    evidence(case.site, tmp_path / "part", Span(begin_ms + 10_000, begin_ms + 20_000))
    with av.open(str(tmp_path / "part" / "clip.mp4")) as film:
        times_s = [float(packet.pts * packet.time_base) for packet in film.demux(video=0) if packet.pts is not None]
    assert [round(time_s) for time_s in times_s if time_s > -0.5] == list(range(10))


@pytest.fixture
def redacted(case: Case) -> Case:
    """What is handed over instead: a film that is another, and the proofs without the keys of their leaves."""
    for path in sorted(case.folder.glob("0*.mp4")):
        result = case.proof(path.stem)
        del result["leaf_key"]
        result["shown"] = []
        case.write(f"{path.stem}.proof.json", json.dumps(result).encode())
        path.unlink()
    case.write("redacted.mp4", case.read("clip.mp4"))
    (case.folder / "clip.mp4").unlink()
    original = hash_of(case.read(MANIFEST))
    gone = ("clip.mp4", *(f"{number:03}.mp4" for number in range(10)))

    def change(result: dict) -> None:  # type: ignore[type-arg]
        del result["derived"]
        result["files"] = {name: one for name, one in result["files"].items() if name not in gone}
        result["files"]["redacted.mp4"] = {"bytes": len(film := case.read("redacted.mp4")), "sha256": hash_of(film)}
        result["redacted_of"] = original

    case.sign_again(change)
    return case


def test_what_was_redacted_is_never_said_to_be_the_original(redacted: Case) -> None:
    verdict = redacted.verdict
    assert verdict.problems == []
    assert verdict.is_redacted
    assert redacted.program[0] == 0
    assert "REDACTED: porch" in redacted.program[1]
    assert "It holds" not in redacted.program[1]


def test_proofs_without_keys_are_no_proofs_of_an_original(redacted: Case) -> None:
    redacted.sign_again(lambda data: data.pop("redacted_of"))
    assert redacted.verdict.problems
    assert redacted.verdict.problems[0] in ("000.mp4 is missing", "redacted.mp4 isn't covered by any proof")


def _film_bit(case: Case) -> None:
    film = bytearray(case.read("000.mp4"))
    film[-5] ^= 1
    case.write("000.mp4", bytes(film))


def _film_bit_agreed(case: Case) -> None:
    _film_bit(case)
    case.sign_again()


def _film_and_leaf(case: Case) -> None:
    """He changes the leaf, too, which the leaf key lets him."""
    _film_bit(case)
    film, answer = case.read("000.mp4"), case.proof()
    at = 0
    for number, entry in enumerate(map(bytes.fromhex, answer["records"])):
        size, seq = int.from_bytes(entry[1:4], "big"), int.from_bytes(entry[4:8], "big")
        if seq in answer["shown"]:
            leaf = leaf_of(bytes.fromhex(answer["leaf_key"]), entry[:12], film[at : at + size])
            answer["records"][number] = (entry[:12] + leaf).hex()
            at += size
    case.write("000.proof.json", json.dumps(answer).encode())
    case.sign_again()


def _proof(change: Callable[[dict], None]) -> Callable[[Case], None]:  # type: ignore[type-arg]
    def attack(case: Case) -> None:
        result = case.proof()
        change(result)
        case.write("000.proof.json", json.dumps(result).encode())
        case.sign_again()

    return attack


def _header(at: int) -> Callable[[dict], None]:  # type: ignore[type-arg]
    def change(answer: dict) -> None:  # type: ignore[type-arg]
        packed = bytearray(bytes.fromhex(answer["header"]))
        packed[at] ^= 1
        answer["header"] = packed.hex()

    return change


def _records_out(data: dict) -> None:  # type: ignore[type-arg]
    del data["records"][-3]


def _records_swapped(answer: dict) -> None:  # type: ignore[type-arg]
    answer["records"][4], answer["records"][5] = answer["records"][5], answer["records"][4]


def _without_signature(answer: dict) -> None:  # type: ignore[type-arg]
    answer["signature"] = ""
    answer["header"] = answer["header"][:-2] + f"{int(answer['header'][-2:], 16) ^ 1:02x}"


def _other_statement(data: dict) -> None:  # type: ignore[type-arg]
    data["statement"] += 1


def _films_swapped(case: Case) -> None:
    one, other = case.read("000.mp4"), case.read("001.mp4")
    case.write("000.mp4", other)
    case.write("001.mp4", one)
    case.sign_again()


def _film_longer(case: Case) -> None:
    case.write("000.mp4", case.read("000.mp4") + b"more")
    case.sign_again()


def _film_gone(case: Case) -> None:
    (case.folder / "000.mp4").unlink()


def _recording_left_out(case: Case) -> None:
    for name in ("001.mp4", "001.proof.json"):
        (case.folder / name).unlink()


def _manifest_changed(case: Case) -> None:
    case.write(MANIFEST, case.read(MANIFEST).replace(b'"porch"', b'"other"'))


def _manifest_by_another(case: Case) -> None:
    case.sign_again(key=Signer(new_key(), signer_of(case.site.volume.disk).statement))


def _manifest_path(case: Case) -> None:
    case.sign_again(lambda data: data["files"].update({"../../etc/hostname": data["files"]["000.mp4"]}))


def _line_out(name: str, at: int) -> Callable[[Case], None]:
    def attack(case: Case) -> None:
        lines = lines_of(case.read(name))
        del lines[at]
        case.write(name, b"".join(line + b"\n" for line in lines))
        case.sign_again()

    return attack


def _removal_forged(case: Case) -> None:
    """What was taken away is said to have been removed, in a list of yesterday."""
    name = "chain-2026-11-20.list"
    lines = lines_of(case.read(name))
    items = json.loads(lines[1])
    items.append(["removed", items[0][1], 1, 0, 3, 3, "older than 1 hour"])
    lines[1] = canonical(items)
    case.write(name, b"".join(line + b"\n" for line in lines))
    case.sign_again()


def _stated_again(case: Case) -> None:
    """A thief of today's keys states a minute of his own for that time: under a number that is taken."""
    result = case.proof()
    header = bytes.fromhex(result["header"])
    signer = signer_of(case.site.volume.disk)
    lines = lines_of(case.read("chain-2026-11-20.jsonl"))
    items = [["file", header[32:48].hex(), 1, 0, 0, "ab" * 32, "signed"]]
    last = read_signed(lines[-1])
    statement = {
        **last.content,
        "n": signer.statement,
        "list": hash_of(canonical(items)),
        "next": Signer(new_key(), 0).public,
        "prev": last.hash,
    }
    lines.append(signed(statement, b"statement", signer.key))
    case.write("chain-2026-11-20.jsonl", b"".join(line + b"\n" for line in lines))
    case.write("chain-2026-11-20.list", case.read("chain-2026-11-20.list") + canonical(items) + b"\n")
    case.sign_again()


def _clip_bit(case: Case) -> None:
    clip = bytearray(case.read("clip.mp4"))
    clip[-5] ^= 1
    case.write("clip.mp4", bytes(clip))


def _clip_bit_agreed(case: Case) -> None:
    _clip_bit(case)
    case.sign_again()


def _clip_longer(case: Case) -> None:
    case.write("clip.mp4", case.read("clip.mp4") + b"more")
    case.sign_again()


def _clip_of_nothing(case: Case) -> None:
    """A film of something else, said to be made of another film that nothing proves."""
    case.write("other.mp4", film := case.read("clip.mp4"))
    derived = {"clip.mp4": {"head": 8, "of": [["other.mp4", 8, len(film) - 8]]}}
    case.sign_again(lambda data: data.update(derived=derived))


def _clip_of_a_film_that_shows_nothing(case: Case) -> None:
    """The proof of a recording of which nothing is shown, so that its film may be empty."""
    case.write("000.mp4", b"")
    content = case.proof() | {"shown": []}
    case.write("000.proof.json", json.dumps(content).encode())
    derived = {"clip.mp4": {"head": 8, "of": [["000.mp4", 0, len(case.read("clip.mp4")) - 8]]}}
    case.sign_again(lambda content: content.update(derived=derived))


def _film_beside(case: Case) -> None:
    case.write("099.mp4", film := case.read("clip.mp4"))
    added = {"099.mp4": {"bytes": len(film), "sha256": hash_of(film)}}
    case.sign_again(lambda data: data["files"].update(added))


_OTHERWISE = "the statements say otherwise, or nothing of it"
_NO_CHAIN = "the chain of statements of 2026-11-20 is broken"
_NO_LISTS = "lists of 2026-11-20 are missing"
_NOT_SIGNED = "the manifest isn't signed by this recorder"
_NOT_SIGNED_BY_PROGRAM = "the manifest is not signed by this recorder"

TAMPERINGS: list[tuple[Callable[[Case], None], str, str]] = [
    (_film_bit, "000.mp4 was modified", "000.mp4 was changed"),
    (_film_bit_agreed, "doesn't match the recording", "is not what was recorded"),
    (_film_and_leaf, "it contradicts the statement", _OTHERWISE),
    (_proof(_header(0)), "not an encrypted tawny file", _OTHERWISE),
    (_proof(_header(70)), "no statement in the folder lists it", _OTHERWISE),
    (_proof(_header(79)), "it contradicts the statement", _OTHERWISE),
    (_proof(_header(100)), "it contradicts the statement", _OTHERWISE),
    (_proof(_records_out), "it contradicts the statement", "is not what was recorded"),
    (_proof(_records_swapped), "fragments 4 to 5 don't match the recording", "is not what was recorded"),
    (_proof(_without_signature), "it contradicts the statement", _OTHERWISE),
    (_proof(_other_statement), "belongs to another statement", "its signature fails"),
    (_films_swapped, "don't match the recording", "is not what was recorded"),
    (_film_longer, "video data was added or removed", "something was added to the film"),
    (_film_gone, "000.mp4 is missing", "000.mp4 is missing"),
    (_recording_left_out, "001.mp4 is missing", "001.mp4 is missing"),
    (_manifest_changed, _NOT_SIGNED, _NOT_SIGNED_BY_PROGRAM),
    (_manifest_by_another, _NOT_SIGNED, _NOT_SIGNED_BY_PROGRAM),
    (_manifest_path, "../../etc/hostname is missing", "../../etc/hostname is missing"),
    (_line_out("chain-2026-11-20.jsonl", 1), "the chain of statements is broken", _NO_CHAIN),
    (_line_out("chain-2026-11-20.list", 1), _NO_LISTS, _NO_LISTS),
    (_line_out("chain-days.jsonl", 0), "has no beginning", _NOT_SIGNED_BY_PROGRAM),
    (_removal_forged, _NO_LISTS, _NO_LISTS),
    (_stated_again, "two statements list it", _OTHERWISE),
    (_clip_bit, "clip.mp4 was modified", "clip.mp4 was changed"),
]


@pytest.mark.parametrize(("attack", "named", "by_program"), TAMPERINGS)
def test_every_tampering_is_named(case: Case, attack: Callable[[Case], None], named: str, by_program: str) -> None:
    """By `tawny verify`, and by the program of the documentation."""
    attack(case)
    problems = case.verdict.problems
    assert any(named in problem for problem in problems), problems
    code, answer = case.program
    assert (code, by_program in answer) == (1, True), answer


@pytest.mark.parametrize(
    ("attack", "named"),
    [
        (_clip_bit_agreed, "clip.mp4 doesn't match"),
        (_clip_longer, "clip.mp4: data was added or removed"),
        (_clip_of_nothing, "other.mp4 isn't proven"),
        (_clip_of_a_film_that_shows_nothing, "clip.mp4 doesn't match 000.mp4"),
        (_film_beside, "099.mp4 isn't covered by any proof"),
    ],
)
def test_what_is_beside_the_films_is_held_against_them(case: Case, attack: Callable[[Case], None], named: str) -> None:
    """The program says instead that only films with a proof count."""
    attack(case)
    assert any(named in problem for problem in case.verdict.problems), case.verdict.problems


@pytest.mark.parametrize("name", ["clip-2.mp4", "more.txt/"])
def test_what_was_added_is_named(case: Case, name: str) -> None:
    """A film, or a folder, in which films may be."""
    if name.endswith("/"):
        (case.folder / name).mkdir()
    else:
        case.write(name, case.read("clip.mp4"))
    problems = verify(case.read, case.genesis, [name]).problems
    assert problems == [f"{name} was added: it isn't part of the evidence"]
    assert case.program == (1, f"WRONG: added: ['{name}'].")


def test_a_folder_without_a_manifest_is_named_by_the_program(case: Case) -> None:
    (case.folder / MANIFEST).unlink()
    assert case.program == (1, "WRONG: no manifest.json.")


def test_files_that_are_no_films_do_not_make_it_fail(case: Case) -> None:
    for name in ("verify.py", "tawny-3f2a91c0.txt", "owner.age", "._000.mp4", ".DS_Store", "Thumbs.db"):
        case.write(name, b"")
    verdict = verify(case.read, case.genesis, [path.name for path in case.folder.iterdir()])
    assert verdict.problems == []
    assert "not part of the evidence: .DS_Store, ._000.mp4, Thumbs.db and 3 more" in verdict.notes
    assert case.program[0] == 0


@pytest.mark.parametrize(
    "name",
    [
        *("000.mp4:Zone.Identifier", ".directory", ".nfs0001", "SHA256SUMS", "manifest.json.tsr", "letter.docx"),
        *("verify.exe", "evidence.zip", "@eaDir/", ".Trashes/", "System Volume Information/", "lost+found/"),
    ],
)
def test_what_other_systems_leave_does_not_make_it_fail(case: Case, name: str) -> None:
    if name.endswith("/"):
        (case.folder / name).mkdir()
    else:
        case.write(name, b"")
    verdict = verify(case.read, case.genesis, [name])
    assert verdict.problems == []
    assert f"not part of the evidence: {name}" in verdict.notes
    assert case.program[0] == 0


def test_films_that_were_swapped_are_one_line_for_each_reason(case: Case) -> None:
    _films_swapped(case)
    problems = case.verdict.problems
    assert len(set(problems)) == len(problems) <= 6, problems


def test_after_a_missing_film_the_others_are_verified(case: Case) -> None:
    (case.folder / "000.mp4").unlink()
    verdict = case.verdict
    assert verdict.problems == ["000.mp4 is missing"]
    names = sorted(path.stem for path in case.folder.glob("0*.mp4"))
    assert verdict.notes[-1].startswith(f"{len(names)} of {len(names) + 1} recordings hold: {names[0]}")
    assert any("was deleted by the recorder" in note for note in verdict.notes)


def test_after_a_proof_that_cannot_be_read_the_others_are_verified(case: Case) -> None:
    case.write("000.proof.json", b"{")
    assert case.verdict.problems == ["000.proof.json was modified", "000: its proof can't be read"]


def test_a_recording_that_nobody_explains_is_named(tmp_path: Path) -> None:
    """Deleted by a stranger before the export was made."""
    site = Site(record(tmp_path / "data", sealed=False))
    site.path(1).unlink()
    site.index.drop_segments([site.segments[1]])
    genesis = evidence(site, tmp_path / "export")
    verdict = checked(tmp_path / "export", genesis)
    assert verdict.problems == []
    assert "recording 1 exists but isn't in this folder: left out or removed" in verdict.notes


def test_keys_of_a_backup_that_is_days_older_prove_what_came_later(tmp_path: Path) -> None:
    """The mirror's history is newer; evidence is exported before tawny starts there."""
    site = Site(record(tmp_path / "data", sealed=False))
    keys = (site.folder / STATE).read_bytes()
    for _ in range(2):
        site.clock.advance(86_400)
        site.state()
    (site.folder / STATE).write_bytes(keys)
    made = EvidenceFolder.begun(tmp_path / "export")
    made.put_history(site.volume.disk, ["2026-11-22"])
    data = {
        "recorder": "",
        "software": "",
        "camera": "",
        "from": "2026-11-20T05:00:00Z",
        "to": "2026-11-20T07:30:00Z",
        "made": "",
    }
    made.close(signer_of(site.volume.disk), data, [], "")
    assert checked(tmp_path / "export", site.signed.genesis).problems == ["it contains no recording"]


def test_a_mirror_says_where_its_keys_are(tmp_path: Path) -> None:
    site = Site(record(tmp_path / "data", sealed=False))
    for name in (STATE, NAMES):
        (site.folder / name).unlink()
    with pytest.raises(NotDone, match="The keys of the signed history aren't in this folder: a mirror has none"):
        signer_of(site.volume.disk)


def test_footage_that_was_put_into_yesterday_is_named(tmp_path: Path) -> None:
    """Today's keys state it now, whatever it says of its time."""
    site = Site(record(tmp_path / "data", sealed=False))
    site.clock.advance(86_400)
    case = Case(tmp_path / "export", evidence(site, tmp_path / "export"), site)
    result = case.proof()
    header = bytes.fromhex(result["header"])
    assert utc_text(int.from_bytes(header[72:80], "big")).startswith("2026-11-20T05:5")
    site.signed.take_place(row := SignedRow(site.signed.camera(PORCH), 1, 0))
    packed = bytearray(header)
    packed[64:72] = (99).to_bytes(8, "big")
    shown = shown_of(site.volume, site.segments[0], HOUR, lambda _: pytest.fail("sealed"))
    assert shown is not None
    forged = ExportedRecording(bytes(packed), shown.leaf_key, shown.leaves, shown.shown, shown.parts, 0, b"")
    digest = _digest(forged)
    site.signed.add_file(row, 99, digest, "signed")
    site.state()
    made = EvidenceFolder.begun(tmp_path / "forged")
    made.put_shown(0, forged)
    made.put_history(site.volume.disk, ["2026-11-20", "2026-11-21"])
    result = {
        "recorder": "",
        "software": "",
        "camera": "",
        "from": "2026-11-20T05:00:00Z",
        "to": "2026-11-20T07:30:00Z",
        "made": "",
    }
    made.close(signer_of(site.volume.disk), result, [], "")
    assert "min after its stated end" in " ".join(checked(tmp_path / "forged", case.genesis).problems)
    assert "min after it ended" in told_by_program(tmp_path / "forged", case.genesis)[1]


def _digest(shown: ExportedRecording) -> bytes:
    return LeafProof(shown.header, shown.leaf_key, list(shown.leaves)).digest
