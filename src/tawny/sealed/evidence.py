"""Verification of an evidence folder against the fingerprint of its recorder, without other trust.

Verifies the days from the first key, statements, the manifest's signature, file hashes, fragment leaves, digests,
signatures, and each recording's list and time. Nothing is used before its signature is verified.

A film assembled from recordings is compared with them. A redacted film is never reported as the original recording.
"""

import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from itertools import pairwise
from mmap import mmap
from typing import Any, Final

from tawny.model.times import Span, utc_from_text, utc_text
from tawny.sealed.assembled_film import check_frames
from tawny.sealed.broken import SealedFileBroken
from tawny.sealed.evidence_names import added, printable, unproven
from tawny.sealed.evidence_times import CLOSING_MS, EARLY_MS, LATE_MS, OVERLAPS, EvidenceChain, Place, place_of, timely
from tawny.sealed.header import SealedFlag, SealedHeader
from tawny.sealed.records import BEGINS, FRAGMENTS, INIT, Digest, Record, leaf_of
from tawny.sealed.signing import SignedLine, is_signed, read_signed
from tawny.sealed.statements import (
    DAYS,
    Item,
    Statement,
    last_of,
    list_name,
    read_days,
    read_lists,
    read_statements,
    statements_name,
)

MANIFEST: Final = "manifest.json"
CHAIN: Final = "chain-"
PROOF: Final = ".proof.json"
DERIVED: Final = "derived"
REDACTED_OF: Final = "redacted_of"
UNREADABLE: Final = "unreadable"
FILM, REDACTED = ".mp4", "redacted.mp4"
_MOST_SPAN: Final = 100_000
_BROKEN: Final = (SealedFileBroken, ValueError, KeyError, TypeError, AttributeError, OverflowError)
_EDGE_MS: Final = 2_000
_CUT: Final = "a part of it is left out that belongs to the time of the folder"
UNSIGNED: Final = "no statement in the folder lists it: not yet, or never"
"""End of the problem of a recording without proof of its time."""

Read = Callable[[str], bytes | mmap | None]
"""Returns a file of the folder by plain name; None if missing. Films may exceed memory size."""
_Parts = dict[str, tuple["_ExportedPart | None", bool]]
"""The exported recordings by name, as far as their proofs can be read, and whether all of each holds."""


@dataclass(slots=True)
class EvidenceVerdict:
    """Result of a verification.

    problems: errors; empty if everything is valid. notes: missing parts and reasons, for users.
    """

    problems: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    manifest: Mapping[str, Any] = field(default_factory=dict)
    until: str = ""
    """Time of the newest statement in the folder."""
    recorded: Span | None = None
    """From the first to the last of the recordings, by their own times."""
    signed_late: int = 0
    """Number of recordings that were signed so late after they ended that their time is only claimed."""

    def fail(self, problem: str) -> None:
        """Add a problem, once."""
        if problem not in self.problems:
            self.problems.append(problem)

    @property
    def is_redacted(self) -> bool:
        """The video was redacted, so it differs from the recording."""
        return REDACTED_OF in self.manifest


@dataclass(frozen=True, slots=True)
class _ExportedPart:
    """One recording and the exported time range, ms UTC. end_ms: of the whole recording. is_cut: lacks some of it."""

    header: SealedHeader
    first_ms: int
    last_ms: int
    end_ms: int
    is_cut: bool


def verify(read: Read, genesis: str, names: Iterable[str] = ()) -> EvidenceVerdict:
    """Verify a folder.

    genesis: the recorder's fingerprint from another source, such as its recovery sheet or health page. names: all that
    the folder contains, to find what was added; those of folders end in "/".
    """
    verdict = EvidenceVerdict()
    try:
        line = read_signed(_text(read, MANIFEST))
        chain = _chain(read, genesis, line.content)
        if not line.is_by(chain.keys.get(_number(line.content.get("statement")), ""), b"export"):
            raise SealedFileBroken("the manifest isn't signed by this recorder")
        verdict.manifest = line.content
        verdict.until = chain.order[-1].clock
        asked = _asked(line.content)
        _look_at_files(read, line, verdict)
        _look_at_others(names, line, verdict)
        parts = _look_at_proofs(read, line, chain, asked, verdict)
        shown = [part for part, _ in parts.values() if part]
        if shown:
            verdict.recorded = Span(min(one.first_ms for one in shown), max(one.last_ms for one in shown))
        else:
            verdict.fail("it contains no recording")
        _look_at_films(read, line, verdict)
        verdict.notes += _around(shown, chain)
        if verdict.recorded and not verdict.is_redacted:
            verdict.notes += _at_the_ends(verdict.recorded, asked)
        for lost in line.content.get(UNREADABLE, []):
            verdict.notes.append(f"the recording from {lost['from']} to {lost['to']} isn't included: {lost['error']}")
        if filled := sum(bool(one.header.flags & SealedFlag.FILLED_IN) for one in shown):
            verdict.notes.append(f"{filled} of {len(shown)} recordings were filled in later, not recorded live")
        verdict.signed_late = len(chain.late_ms)
        verdict.notes += [f"{count} of {len(shown)} {doubt}" for doubt, count in chain.all_doubts()]
        if verdict.problems and not verdict.is_redacted:
            verdict.notes += _holding(parts)
    except _BROKEN as problem:
        verdict.fail(_words(problem, "the folder contains an unreadable file"))
    return verdict


def _words(problem: Exception, otherwise: str) -> str:
    return str(problem) if isinstance(problem, SealedFileBroken) else otherwise


def _found(read: Read, name: str, verdict: EvidenceVerdict) -> bytes | mmap | None:
    """Return a file. That it is missing is a problem.

    Names in a manifest must be plain, because they could be disguised paths.
    """
    data = read(name) if is_plain(name) else None
    if data is None:
        verdict.fail(f"{name} is missing")
    return data


def _text(read: Read, name: str) -> bytes:
    """Return a file without which nothing can be verified."""
    data = read(name) if is_plain(name) else None
    if data is None:
        raise SealedFileBroken(f"{name} is missing")
    return data[:]


def is_plain(name: str) -> bool:
    return bool(name) and name not in (".", "..") and not set(name) & set("/\\\0:")


def _number(value: object) -> int:
    if type(value) is not int:
        raise SealedFileBroken("an invalid number")
    return value


def _chain(read: Read, genesis: str, manifest: Mapping[str, Any]) -> EvidenceChain:
    chain = EvidenceChain()
    days = read_days(_text(read, CHAIN + DAYS), genesis)
    for day in days:
        if CHAIN + statements_name(day) not in manifest["files"]:
            chain.left_out.add(day)  # only days that the export covers
            continue
        statements = read_statements(days[day], _text(read, CHAIN + statements_name(day)))
        if last_of(days, day) not in (None, statements[-1].hash if statements else ""):
            raise SealedFileBroken(f"statements at the end of {day} are missing")
        chain.statements |= {one.n: one for one in statements}
        chain.order += statements
        listed = list(read_lists(_text(read, CHAIN + list_name(day)), statements))
        if len(listed) != len(statements):
            raise SealedFileBroken(f"lists of {day} are missing")
        for statement, items in listed:
            for item in items:
                _take(chain, statement, item)
    if not chain.statements:
        raise SealedFileBroken("it contains no signed statement")
    return chain


def _take(chain: EvidenceChain, statement: Statement, item: Item) -> None:
    match list(item):
        case ["file", str(camera), int(kind), int(stream), int(number), str(digest), str()]:
            chain.files[camera, kind, stream, number].append((digest, statement))
        case [str(), *_]:
            chain.others.append((statement, item))
        case _:
            pass


def _look_at_files(read: Read, line: SignedLine, verdict: EvidenceVerdict) -> None:
    for name, entry in line.content["files"].items():
        data = _found(read, name, verdict)
        if data is not None and (sha256(data).hexdigest() != entry["sha256"] or len(data) != entry["bytes"]):
            verdict.fail(f"{name} was modified")


def _look_at_others(names: Iterable[str], line: SignedLine, verdict: EvidenceVerdict) -> None:
    """Name what the manifest doesn't list: it could be taken for evidence."""
    others = [name for name in sorted(names) if name != MANIFEST and name not in line.content["files"]]
    taken, harmless = added(others)
    for name in taken:
        verdict.fail(f"{printable(name)} was added: it isn't part of the evidence")
    if harmless:
        more = f" and {len(harmless) - 3} more" if len(harmless) > 3 else ""
        verdict.notes.append(f"not part of the evidence: {', '.join(map(printable, harmless[:3]))}{more}")


def _asked(manifest: Mapping[str, Any]) -> Span:
    """Return the time that the folder says it is of."""
    try:
        asked = Span(utc_from_text(manifest["from"]), utc_from_text(manifest["to"]))
    except (ValueError, TypeError):
        asked = Span(0, 0)
    if not asked.seconds:
        raise SealedFileBroken("the manifest doesn't say of which time it is")
    return asked


def _look_at_proofs(
    read: Read, line: SignedLine, chain: EvidenceChain, asked: Span, verdict: EvidenceVerdict
) -> _Parts:
    names = [name.removesuffix(PROOF) for name in line.content["files"] if name.endswith(PROOF) and is_plain(name)]
    names.sort(key=lambda name: (len(name), name))
    parts: _Parts = {}
    for name in names:
        proof = _found(read, name + PROOF, verdict)
        film = b"" if verdict.is_redacted else _found(read, name + FILM, verdict)
        part: _ExportedPart | None = None
        problems: Sequence[str] = ()
        try:
            if proof is not None:
                part, problems = _look_at_proof(proof[:], film, chain, asked, is_redacted=verdict.is_redacted)
        except _BROKEN as problem:
            problems = [_words(problem, "its proof can't be read")]
        for one in problems:
            verdict.fail(f"{name}: {one}")
        is_changed = any(f"{name}{end} was modified" in verdict.problems for end in (PROOF, FILM))
        parts[name] = part, part is not None and film is not None and not problems and not is_changed
    _look_at_cuts(parts, verdict)
    _look_at_overlaps(parts, chain, verdict)
    _look_at_order(parts, verdict)
    return parts


def _look_at_cuts(parts: _Parts, verdict: EvidenceVerdict) -> None:
    """Name recordings that lack a part. In the first and the last it only reads like a shorter time."""
    by_time = sorted((part.header.start_ms, name) for name, (part, _) in parts.items() if part)
    for at, (_, name) in enumerate(by_time):
        part, _ = parts[name]
        if part is None or not part.is_cut:
            continue
        if at in (0, len(by_time) - 1):
            verdict.notes.append(f"{name}: {_CUT}")
        else:
            verdict.fail(f"{name}: {_CUT}")
            parts[name] = part, False


def _look_at_overlaps(parts: _Parts, chain: EvidenceChain, verdict: EvidenceVerdict) -> None:
    """Name recordings of a doubtful time that are of the time of others of their stream, signed before them.

    After an error of the disk, a recording begins with the video since the last keyframe, also of the one before.
    """
    live = [
        (_stated_at(part, chain), part, name)
        for name, (part, _) in parts.items()
        if part and not part.header.flags & SealedFlag.FILLED_IN
    ]
    for at, part, name in live:
        place, start_ms = place_of(part.header), part.header.start_ms
        if place in chain.doubtful and any(
            -1 < before < at
            and place_of(one.header)[:3] == place[:3]
            and one.header.start_ms < part.end_ms - CLOSING_MS
            and start_ms < one.end_ms - CLOSING_MS
            for before, one, _ in live
        ):
            verdict.fail(f"{name}: {OVERLAPS}")
            parts[name] = part, False


def _look_at_order(parts: _Parts, verdict: EvidenceVerdict) -> None:
    """Name recordings that are in the folder twice, and names that aren't in the order of time."""
    headers = {name: part.header for name, (part, _) in parts.items() if part}
    seen = set[Place]()
    for name, header in headers.items():
        place = place_of(header)
        if place in seen:
            verdict.fail(f"{name}: it is in the folder twice")
        seen.add(place)
    starts_ms = [header.start_ms for header in headers.values()]
    if starts_ms != sorted(starts_ms):
        verdict.notes.append("the names of the recordings aren't in the order of time")


def _look_at_proof(
    text: bytes, film: bytes | mmap | None, chain: EvidenceChain, asked: Span, *, is_redacted: bool
) -> tuple[_ExportedPart, list[str]]:
    """Verify one recording.

    A redacted export has only the statements: no film, and no key that would reveal the video. film: None if missing.
    """
    proof = json.loads(text)
    packed = bytes.fromhex(proof["header"])
    header, digest = SealedHeader.read(packed), Digest(packed)
    shown = set(proof["shown"])
    leaf_key = bytes.fromhex(proof["leaf_key"]) if film else b""
    wrong, at, times_ms, records = list[int](), 0, dict[int, int](), list[Record]()
    for entry in map(bytes.fromhex, proof["records"]):
        head, leaf = entry[:12], entry[12:]
        digest.add(head, leaf)
        records.append(one := Record(0, head, leaf))
        size, seq = one.content_bytes, one.seq
        times_ms[seq] = header.start_ms + one.time_ms
        if seq in shown and film is not None:
            if leaf_of(leaf_key, head, film[at : at + size]) != leaf:
                wrong.append(seq)
            at += size
    problems = list(_mismatch(wrong))
    if film is not None and at != len(film):
        problems.append("video data was added or removed")
    end_ms = max(times_ms.values(), default=header.start_ms)
    first_ms = min((times_ms[seq] for seq in shown & times_ms.keys() if seq > 1), default=header.start_ms)
    last_ms = times_ms.get(max(shown) + 1, end_ms) if shown else end_ms
    lacks: list[str] = []
    if film is not None and not is_redacted:
        relative = Span(asked.begin_ms - header.start_ms, asked.end_ms - header.start_ms)
        lacks = list(_lacking(records, shown, relative))
    part = _ExportedPart(header, first_ms, last_ms, end_ms, is_cut=_CUT in lacks)
    problems += [*_of_other_time(part, asked), *(one for one in lacks if one != _CUT)]
    return part, [*problems, *_stated(proof, header, digest.value, end_ms, chain)]


def _of_other_time(part: _ExportedPart, asked: Span) -> Iterator[str]:
    """Yield the error if a recording is of another time than the folder."""
    start_ms = part.header.start_ms
    if part.end_ms < asked.begin_ms - CLOSING_MS or start_ms > asked.end_ms + CLOSING_MS:
        yield f"it is from {utc_text(start_ms)}, which isn't in the time that the folder says it is of"


def _lacking(records: Sequence[Record], shown: set[int], asked: Span) -> Iterator[str]:
    """Yield the error if a film isn't one uncut part of its recording, or lacks some of the time of the folder.

    asked: relative to the recording's start. The film may begin with the first keyframe.
    """
    fragments = [one for one in records if one.type in FRAGMENTS]
    places = [at for at, one in enumerate(fragments) if one.seq in shown]
    if not places:
        yield "nothing of it is shown"
        return
    run, before, after = fragments[places[0] : places[-1] + 1], fragments[: places[0]], fragments[places[-1] + 1 :]
    begins_late = run[0].time_ms > asked.begin_ms + _EDGE_MS and any(one.type in BEGINS for one in before)
    if shown != {one.seq for one in run} | {one.seq for one in records if one.type == INIT}:
        yield "seconds in the middle of it are left out"
    elif begins_late or (after and after[0].time_ms < asked.end_ms - _EDGE_MS):
        yield _CUT


def _mismatch(wrong: Sequence[int]) -> Iterator[str]:
    """Yield the problem of these fragments, if there are any."""
    if len(wrong) == 1:
        yield f"fragment {wrong[0]} doesn't match the recording"
    elif wrong:
        runs = [f"{first} to {last}" if last > first else f"{first}" for first, last in _runs(sorted(wrong))]
        yield f"fragments {', '.join(runs)} don't match the recording"


def _holding(parts: _Parts) -> Iterator[str]:
    """Yield the note which recordings hold although others don't."""
    names = list(parts)
    of = {at: part for at, (part, holds) in enumerate(parts.values()) if part is not None and holds}
    runs = [
        f"{names[first]}{f' to {names[last]}' if last > first else ''}"
        f" ({utc_text(of[first].first_ms)} to {utc_text(of[last].last_ms)})"
        for first, last in _runs(of)
    ]
    if runs:
        yield f"{len(of)} of {len(names)} recordings hold: {', '.join(runs)}"


def _runs(numbers: Iterable[int]) -> list[tuple[int, int]]:
    """Return the first and the last number of each run of consecutive ones."""
    runs: list[tuple[int, int]] = []
    for number in numbers:
        if runs and number == runs[-1][1] + 1:
            runs[-1] = runs[-1][0], number
        else:
            runs.append((number, number))
    return runs


def _look_at_films(read: Read, line: SignedLine, verdict: EvidenceVerdict) -> None:
    """Verify assembled films: all frames are proven bytes in their order; only headers and audio may be new."""
    files, derived = line.content["files"], line.content.get(DERIVED, {})
    for name, entry in derived.items():
        film, at, rewritten = _found(read, name, verdict), entry["head"], 0
        if film is None:
            continue
        for source, begin, size in entry["of"]:
            if not source:
                rewritten += size
            elif f"{source.removesuffix(FILM)}{PROOF}" not in files:
                verdict.fail(f"{name}: {source} isn't proven")
            else:
                original = _found(read, source, verdict)
                if original is not None and film[at : at + size] != original[begin : begin + size]:
                    verdict.fail(f"{name} doesn't match {source}")
            at += size
        if at != len(film):
            verdict.fail(f"{name}: data was added or removed")
        try:
            check_frames(film, entry["head"], entry["of"], lambda source: _found(read, source, verdict))
        except SealedFileBroken as problem:
            verdict.fail(f"{name}: {problem}")
        verdict.notes.append(f"{name} combines the recordings for convenience. The recordings are the proof")
        if rewritten:
            verdict.notes.append(f"{rewritten} bytes of {name} were re-encoded for compatibility: its audio")
    proven = {f"{name.removesuffix(PROOF)}{FILM}" for name in files if name.endswith(PROOF)}
    for name in unproven(files, {REDACTED} if verdict.is_redacted else {*proven, *derived}):
        verdict.fail(f"{printable(name)} isn't covered by any proof")


def _at_the_ends(recorded: Span, asked: Span) -> Iterator[str]:
    """Yield notes about requested time before the first and after the last recording."""
    if recorded.begin_ms > asked.begin_ms + _EDGE_MS:
        yield f"no video for the first {(recorded.begin_ms - asked.begin_ms) / 1000:.0f} s"
    if recorded.end_ms < asked.end_ms - _EDGE_MS:
        yield f"no video for the last {(asked.end_ms - recorded.end_ms) / 1000:.0f} s"


def _stated(
    proof: Mapping[str, Any], header: SealedHeader, digest: bytes, end_ms: int, chain: EvidenceChain
) -> Iterator[str]:
    """Yield errors in the file's signature and statement."""
    listed = chain.files.get(place_of(header), [])
    if len(listed) != 1:
        yield "two statements list it" if listed else UNSIGNED
        return
    (stated, statement) = listed[0]
    if stated != digest.hex():
        yield "it contradicts the statement"
    signature = bytes.fromhex(proof["signature"])
    if signature:
        signed_by = _number(proof["statement"])
        if signed_by > statement.n:  # a lower one: it was left to a later statement, after a start with a wrong clock
            yield "its signature belongs to another statement"
        key = chain.keys.get(signed_by, "")
        if (key or signed_by >= min(chain.keys)) and not is_signed(key, b"file", digest, signature):
            yield "its signature is invalid"
    if not header.flags & SealedFlag.FILLED_IN:
        yield from timely(statement, header, end_ms, chain)


def _around(shown: list[_ExportedPart], chain: EvidenceChain) -> Iterator[str]:
    """Yield notes about recordings missing between the first and the last of a chain, with reasons in the history."""
    rows: defaultdict[tuple[str, int, int], list[_ExportedPart]] = defaultdict(list)
    for part in shown:
        rows[part.header.camera.hex(), part.header.kind, part.header.stream].append(part)
    for row, parts in rows.items():
        in_order = sorted(parts, key=lambda part: part.header.number)
        live = [part for part in in_order if not part.header.flags & SealedFlag.FILLED_IN]
        known = {part.header.number for part in parts}
        backwards = [(one, then) for one, then in pairwise(live) if then.header.start_ms < one.end_ms - EARLY_MS]
        for one, then in pairwise(live):
            if (one, then) not in backwards:
                between = _numbers(one, then)
                yield from _missing([number for number in between if number not in known], row, chain)
                known.update(between)
        yield from _of_other_times(in_order, known)
        begin_ms, end_ms = (choose(part.header.start_ms for part in parts) for choose in (min, max))
        steps = [(_stated_at(one, chain), _stated_at(then, chain)) for one, then in backwards]
        for statement, item in chain.others:
            if item[0] == "gap" and len(item) == 5 and item[1] == row[0] and item[2] < end_ms and item[3] > begin_ms:
                yield f"no recording for {(item[3] - item[2]) / 1000:.0f} s from {utc_text(item[2])}: {item[4]}"
            if item[0] == "clock" and len(item) == 3:
                at = chain.order.index(statement)
                is_between = any(first <= at <= last for first, last in steps)
                if is_between or begin_ms <= item[2] <= end_ms + LATE_MS:
                    yield f"the clock was changed by {(item[2] - item[1]) / 1000:.0f} s"


def _numbers(one: _ExportedPart, then: _ExportedPart) -> range:
    """Return the numbers between those of two recordings."""
    first = one.header.number + 1
    return range(first, min(then.header.number, first + _MOST_SPAN))


def _missing(numbers: list[int], row: tuple[str, int, int], chain: EvidenceChain) -> Iterator[str]:
    """Yield notes about recordings that aren't in the folder, although the ones before and after them are."""
    if not numbers:
        return
    gone, thinned = _named(chain, "removed", row), _named(chain, "thinned", row)
    for number in numbers:
        if number in gone:
            yield f"recording {number} was deleted by the recorder: {gone[number]}"
        elif number in thinned:
            yield f"recording {number} was reduced to keyframes and can't be proven"
        elif (*row, number) in chain.files:
            yield f"recording {number} exists but isn't in this folder: left out or removed"
        else:
            yield f"recording {number} is missing without an explanation"


def _of_other_times(in_order: list[_ExportedPart], known: set[int]) -> Iterator[str]:
    """Yield notes about numbers between those shown that may be of any time.

    in_order: by number. known: numbers that are shown or have their own note. Where a recording was filled in, or the
    clock was set back, numbers don't follow the time, and a statement doesn't say of which time a recording is.
    """
    for one, then in pairwise(in_order):
        left = [number for number in _numbers(one, then) if number not in known]
        if left:
            filled = any(part.header.flags & SealedFlag.FILLED_IN for part in (one, then))
            why = "video was filled in later" if filled else "the clock was set back"
            which = f"recording {left[0]} isn't" if len(left) == 1 else f"recordings {left[0]} to {left[-1]} aren't"
            yield f"{which} in this folder: of another time, because {why}, or deleted, or left out"


def _stated_at(part: _ExportedPart, chain: EvidenceChain) -> int:
    """Return the place of a recording's statement in the order of all; -1 if none lists it."""
    listed = chain.files.get(place_of(part.header))
    return chain.order.index(listed[0][1]) if listed else -1


def _named(chain: EvidenceChain, what: str, row: tuple[str, int, int]) -> dict[int, str]:
    """Return the numbers of a chain that items of this type name, with their text."""
    found: dict[int, str] = {}
    for _, item in chain.others:
        if item[0] == what and len(item) >= 6 and tuple(item[1:4]) == row:
            text = str(item[6]) if len(item) > 6 else ""
            found |= dict.fromkeys(range(item[4], min(item[5], item[4] + _MOST_SPAN) + 1), text)
    return found
