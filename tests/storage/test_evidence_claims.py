"""What a folder claims of its recordings, by one who has today's keys: another time, cuts, other films."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tawny.sealed.evidence import verify
from tawny.sealed.evidence_names import printable
from tawny.sealed.signing import hash_of
from tests.storage.test_clock_set_back import PORCH, Box
from tests.storage.test_evidence import Case, case, exported, redacted

__all__ = ["case", "exported", "redacted"]


def both_fail(case: Case, named: str, by_program: str) -> None:
    """`tawny verify`, and the program of the documentation."""
    problems = case.verdict.problems
    assert any(named in problem for problem in problems), problems
    code, answer = case.program
    assert (code, by_program in answer) == (1, True), answer


def of_time(case: Case, begin: str, end: str) -> None:
    case.sign_again(lambda data: data.update({"from": begin, "to": end}))


DAY_LATER = ("2026-11-21T05:50:00Z", "2026-11-21T05:52:00Z")


def test_recordings_of_another_time_than_the_folder_claims_are_wrong(case: Case) -> None:
    of_time(case, *DAY_LATER)
    both_fail(case, "000: it is from 2026-11-20T05:5", "000 is from 2026-11-20 05:5")


def test_redacted_recordings_of_another_time_are_wrong(redacted: Case) -> None:
    of_time(redacted, *DAY_LATER)
    both_fail(redacted, "000: it is from 2026-11-20T05:5", "000 is from 2026-11-20 05:5")


def test_a_time_that_ends_before_it_begins_is_wrong(case: Case) -> None:
    of_time(case, *reversed(DAY_LATER))
    both_fail(case, "the manifest doesn't say of which time it is", "is of no time")


def test_without_its_end_a_time_is_wrong(case: Case) -> None:
    of_time(case, DAY_LATER[0], "")
    both_fail(case, "the manifest doesn't say of which time it is", "is of no time")


def test_both_say_from_when_the_recordings_are(case: Case) -> None:
    first, last = case.site.segments[0], case.site.segments[-1]
    recorded = case.verdict.recorded
    assert recorded is not None
    assert (recorded.begin_ms, abs(recorded.end_ms - last.end_ms) < 2_000) == (first.start_ms, True)
    assert "The recordings are from 2026-11-20 05:5" in case.program[1]


def test_a_name_of_a_camera_is_one_line(case: Case) -> None:
    case.sign_again(lambda data: data.update(camera="porch\nIt holds: all"))
    assert r"It holds: porch\nIt holds: all 2026" in case.program[1]


def test_a_text_of_the_exporter_is_one_line() -> None:
    assert printable("disk error\nVERIFIED: all") == r"'disk error\nVERIFIED: all'"


def shown_without(case: Case, name: str, is_out: Callable[[int], bool]) -> None:
    """Take fragments out of a film and of what its proof says it shows."""
    answer, film, at, kept = case.proof(name), case.read(f"{name}.mp4"), 0, dict[int, bytes]()
    for entry in map(bytes.fromhex, answer["records"]):
        size, seq = int.from_bytes(entry[1:4], "big"), int.from_bytes(entry[4:8], "big")
        if seq in answer["shown"]:
            kept[seq] = film[at : at + size]
            at += size
    kept = {seq: data for seq, data in kept.items() if not is_out(seq)}
    case.write(f"{name}.proof.json", json.dumps(answer | {"shown": list(kept)}).encode())
    case.write(f"{name}.mp4", b"".join(kept.values()))
    (case.folder / "clip.mp4").unlink()

    def without_clip(manifest: dict[str, Any]) -> None:
        del manifest["derived"], manifest["files"]["clip.mp4"]

    case.sign_again(without_clip)


def test_seconds_cut_out_of_the_middle_are_wrong(case: Case) -> None:
    shown_without(case, "000", lambda seq: 10 <= seq < 20)
    both_fail(case, "000: seconds in the middle of it are left out", "000: seconds in the middle of it are left out")


def test_a_cut_between_two_recordings_is_wrong(case: Case) -> None:
    shown_without(case, "001", lambda seq: seq >= 20)
    both_fail(case, "001: a part of it is left out", "001: a part of it is left out")


def test_a_cut_between_two_recordings_is_wrong_also_under_the_last_name(case: Case) -> None:
    shown_without(case, "001", lambda seq: seq >= 20)
    for end in (".mp4", ".proof.json"):
        (case.folder / f"001{end}").rename(case.folder / f"999{end}")

    def renamed(answer: dict[str, Any]) -> None:
        for end in (".mp4", ".proof.json"):
            del answer["files"][f"001{end}"]
            data = case.read(f"999{end}")
            answer["files"][f"999{end}"] = {"bytes": len(data), "sha256": hash_of(data)}

    case.sign_again(renamed)
    both_fail(case, "999: a part of it is left out", "999: a part of it is left out")


def test_a_cut_at_the_beginning_is_named(case: Case) -> None:
    shown_without(case, "000", lambda seq: 1 < seq < 20)
    assert case.verdict.problems == []
    assert "000: a part of it is left out that belongs to the time of the folder" in case.verdict.notes
    assert "The recordings are from 2026-11-20 05:5" in case.program[1]


@pytest.mark.parametrize("shown", [[], [1]])
def test_a_film_of_which_nothing_is_proven_is_wrong(case: Case, shown: list[int]) -> None:
    case.write("000.proof.json", json.dumps(case.proof() | {"shown": shown}).encode())
    for film in (b"forged film", b""):
        case.write("000.mp4", film)
        case.sign_again()
        both_fail(case, "000: nothing of it is shown", "000: ")


@pytest.mark.parametrize("name", ["incident.MP4", "incident.mkv", "incident.mp4", "photo.jpg", "000.jpg", "notes.txt"])
def test_a_file_that_nothing_proves_is_wrong_although_it_is_listed(case: Case, name: str) -> None:
    case.write(name, b"forged film")
    case.sign_again(lambda data: data["files"].update({name: {"bytes": 11, "sha256": hash_of(b"forged film")}}))
    both_fail(case, f"{name} isn't covered by any proof", f"nothing proves ['{name}']")


def test_a_listed_film_is_wrong_where_only_a_redacted_one_belongs(redacted: Case) -> None:
    redacted.write("000.mp4", b"forged film")
    redacted.sign_again(
        lambda data: data["files"].update({"000.mp4": {"bytes": 11, "sha256": hash_of(b"forged film")}})
    )
    both_fail(redacted, "000.mp4 isn't covered by any proof", "nothing proves ['000.mp4']")


@pytest.mark.parametrize("name", ["incident.mpg", "incident.H264", "photo.heic", "incident.mp4 ", "sound.ogg"])
def test_an_added_film_of_any_kind_is_named(case: Case, name: str) -> None:
    case.write(name, b"forged film")
    problems = verify(case.read, case.genesis, [name]).problems
    assert problems == [f"{name} was added: it isn't part of the evidence"]
    assert case.program == (1, f"WRONG: added: ['{name}'].")


def test_a_link_in_the_place_of_a_film_is_wrong(case: Case) -> None:
    film = case.folder / "000.mp4"
    film.symlink_to(film.rename(case.folder.parent / "000.mp4"))
    assert case.program[0] == 1


def test_a_recording_that_is_there_twice_is_wrong(case: Case) -> None:
    for end in (".mp4", ".proof.json"):
        case.write(f"009{end}", case.read(f"000{end}"))
    case.sign_again(lambda data: data["files"].update({"009.mp4": data["files"]["000.mp4"]}))
    case.sign_again(lambda data: data["files"].update({"009.proof.json": data["files"]["000.proof.json"]}))
    both_fail(case, "009: it is in the folder twice", "009 is there twice")


def test_recordings_under_names_of_each_other_are_noted(case: Case) -> None:
    for end in (".mp4", ".proof.json"):
        first = case.read(f"000{end}")
        case.write(f"000{end}", case.read(f"001{end}"))
        case.write(f"001{end}", first)
    case.sign_again()
    assert "the names of the recordings aren't in the order of time" in case.verdict.notes


def test_the_program_ignores_a_last_line_that_a_power_cut_tore(case: Case) -> None:
    for name in ("chain-days.jsonl", "chain-2026-11-20.jsonl", "chain-2026-11-20.list"):
        case.write(name, case.read(name) + b'{"v":1,"ti')
    case.sign_again()
    assert case.verdict.problems == []
    assert case.program[0] == 0, case.program[1]


def test_the_program_says_that_it_does_not_check_the_clip(case: Case) -> None:
    assert "only tawny verify compares clip.mp4 with the recordings" in case.program[1]


def test_gaps_of_another_time_of_the_day_are_not_named(box: Box) -> None:
    span = box.record(100)
    box.sign()
    begin_ms = span.end_ms + 5 * 3_600_000
    box.signed.add(["gap", box.signed.camera(PORCH).hex(), begin_ms, begin_ms + 3_600_000, "stalled"])
    box.sign()
    assert "nothing was recorded" not in box.evidence(span)[1][1]


@pytest.fixture
def box(tmp_path: Path) -> Box:
    return Box(tmp_path)
