"""Searches for sounds by the words that people have for them."""

import pytest

from tests.playback.search.test_phrases import asked


@pytest.mark.parametrize(
    ("text", "label"),
    [
        ("barking", "bark"), ("dog barking at night", "bark"), ("dogs barking", "bark"), ("siren", "alarm"),
        ("smoke alarm today", "alarm"), ("speech", "voices"), ("screaming", "voices"), ("shouting", "voices"),
        ("knock", "knock"), ("Glas", "glass"), ("Bellen", "bark"), ("Gebell gestern", "bark"), ("Hund bellt", "bark"),
        ("Rauchmelder", "alarm"), ("Sirene", "alarm"), ("Schreie", "voices"), ("Klopfen", "knock"),
    ],
)  # fmt: skip
def test_a_word_means_a_class_of_sounds(text: str, label: str) -> None:
    query = asked(text)
    assert (*query.labels, *query.kinds, *query.unknown) == (label,)


@pytest.mark.parametrize(
    ("text", "label"),
    [("not barking", "bark"), ("without barking dogs", "bark"), ("no smoke alarms", "alarm"), ("kein Gebell", "bark")],
)
def test_a_class_of_sounds_is_excluded_by_these_words(text: str, label: str) -> None:
    query = asked(text)
    assert (*query.but, *query.labels, *query.unknown) == (label,)
    assert query.but == {label}


def test_noise_is_any_sound() -> None:
    assert asked("Lärm").kinds == {"sound"}


@pytest.mark.parametrize("text", ["people with glasses", "a dog at the glass door"])
def test_other_things_of_these_names_are_no_sounds(text: str) -> None:
    assert "glass" not in asked(text).labels
