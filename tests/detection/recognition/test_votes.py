"""Several looks at one plate, or one face, put together."""

from tawny.detection.recognition import ReadVotes
from tawny.model.observations import RecognisedText


def votes(*looks: tuple[str, float], who: str = "") -> ReadVotes:
    made = ReadVotes(0.5)
    for text, score in looks:
        made.vote(RecognisedText("plates", text, score, who))
    return made


def test_nothing_is_said_of_what_is_not_sure() -> None:
    assert votes(("BAB123", 0.4)).best is None
    assert votes().best is None


def test_letter_by_letter_one_bad_look_spoils_nothing() -> None:
    best = votes(("BAB123", 0.7), ("8AB123", 0.6), ("BAB1Z3", 0.6), ("BA", 0.9)).best
    assert best == RecognisedText("plates", "BAB123", 0.7)


def test_what_no_single_look_read_whole_is_as_sure_as_its_least() -> None:
    best = votes(("8AB123", 0.9), ("BAB12Z", 0.7), ("BAB1Z3", 0.6)).best
    assert best == RecognisedText("plates", "BAB123", 0.6)


def test_who_is_known_wins_by_weight() -> None:
    made = ReadVotes(0.5)
    for who, score in (("anna", 0.9), ("", 0.6), ("anna", 0.8), ("ben", 0.7)):
        made.vote(RecognisedText("faces", "", score, who))
    assert made.best == RecognisedText("faces", "", 0.9, "anna")


def test_it_is_settled_once_four_looks_agree() -> None:
    three = votes(*[("BAB123", 0.7)] * 3)
    assert not three.is_settled
    three.vote(RecognisedText("plates", "BAB123", 0.7))
    assert three.is_settled
