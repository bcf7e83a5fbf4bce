"""The assembled film of an evidence folder, by one who has today's keys: each frame must be one of the recordings'."""

from typing import Any

from tawny.sealed.assembled_film import Part
from tests.storage.test_evidence import Case, case, exported

__all__ = ["case", "exported"]
NAME = "clip.mp4"
FORGED = b"\0\0\0\x18ftypisom" + b"forged film" * 1000


def derived(case: Case) -> tuple[int, list[Part]]:
    result = case.manifest()["derived"][NAME]
    return result["head"], [(source, begin, size) for source, begin, size in result["of"]]


def put(case: Case, film: bytes, head: int, of: list[Any]) -> list[str]:
    """Sign a clip, and return what is wrong with it."""
    case.write(NAME, film)
    case.sign_again(lambda data: data.update(derived={NAME: {"head": head, "of": of}}))
    return case.verdict.problems


def test_a_film_that_is_all_header_is_wrong(case: Case) -> None:
    assert put(case, FORGED, len(FORGED), []) == [f"{NAME}: its header isn't one that tawny writes"]


def test_a_film_that_is_all_audio_is_wrong(case: Case) -> None:
    assert put(case, FORGED, 8, [["", 0, len(FORGED) - 8]]) == [f"{NAME}: its header isn't one that tawny writes"]


def test_frames_of_no_recording_are_wrong(case: Case) -> None:
    """The header stays; the first part is said to be re-encoded."""
    head, parts = derived(case)
    forged = [["", 0, parts[0][2]], *parts[1:]]
    assert put(case, case.read(NAME), head, forged) == [f"{NAME}: it has frames that are of no recording"]


def test_frames_in_another_order_are_wrong(case: Case) -> None:
    head, parts = derived(case)
    film = case.read(NAME)
    first, second = (next(at for at, part in enumerate(parts) if part[0] == name) for name in ("000.mp4", "001.mp4"))
    parts[first], parts[second] = parts[second], parts[first]
    body = b"".join(case.read(source)[begin : begin + size] for source, begin, size in parts)
    assert put(case, film[:head] + body, head, parts), "its frames are elsewhere, or not in order"


def test_a_header_with_a_place_before_the_frames_is_wrong(case: Case) -> None:
    head, parts = derived(case)
    film = bytearray(case.read(NAME))
    at = film.index(b"stco") + 12
    film[at : at + 4] = (8).to_bytes(4, "big")
    assert put(case, bytes(film), head, parts) == [f"{NAME}: it has frames that are of no recording"]


def test_frames_elsewhere_than_in_the_file_are_wrong(case: Case) -> None:
    head, parts = derived(case)
    film = case.read(NAME).replace(b"url \0\0\0\1", b"url \0\0\0\0", 1)
    assert put(case, film, head, parts) == [f"{NAME}: its header isn't one that tawny writes"]
