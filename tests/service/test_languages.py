"""Languages: catalogues, and sentences of the recorder with values in them."""

import json
import logging
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tawny.model import errors
from tawny.model.errors import NotDone, TawnyError
from tawny.model.events import EVENT_TITLES, SOUND_TITLES
from tawny.model.messages import PROBLEM_WORDS
from tawny.model.segments import GAP_WORDS, OFF_WORDS
from tawny.model.states import FAULT_WORDS, STATE_WORDS, STATE_WORDS_OF_SEVERAL
from tawny.playback.search.time_parser import parse_time
from tawny.service.languages import ENGLISH, FOLDER, Languages
from tests.playback.search.test_when import BERLIN, NOW, UNDERSTOOD

GERMAN = Languages(None).catalogue("de")
ERRORS = [
    text
    for kind in vars(errors).values()
    if isinstance(kind, type) and issubclass(kind, TawnyError)
    for text in (kind.says, kind.advice)
    if re.sub(r"\{\w+\}", "", text)
]
CASES = json.loads((Path(__file__).parent / "translated.json").read_text())


@pytest.mark.parametrize(("text", "german"), CASES)
def test_sentences_of_the_recorder_are_translated_with_their_values(text: str, german: str) -> None:
    assert GERMAN.translate(text) == german


@pytest.mark.parametrize(
    "text",
    [
        *STATE_WORDS.values(), *STATE_WORDS_OF_SEVERAL.values(), *GAP_WORDS.values(), *OFF_WORDS.values(),
        *PROBLEM_WORDS.values(), *EVENT_TITLES.values(), *SOUND_TITLES.values(),
        *(part for parts in FAULT_WORDS.values() for part in parts), *ERRORS,
    ],
)  # fmt: skip
def test_german_has_all_that_the_recorder_says(text: str) -> None:
    assert text in GERMAN.texts or all(one in GERMAN.texts for one in re.split(r"(?<=[.!?]) ", text))


@pytest.mark.parametrize("text", [text for text, _ in UNDERSTOOD])
def test_the_time_of_a_search_has_no_english_left_in_german(text: str) -> None:
    english = parse_time(text, BERLIN, NOW)[0].words
    left = set(re.findall("[a-z]+", english)) & set(re.findall("[A-Za-z]+", GERMAN.translate(english)))
    assert left <= {"am", "pm"}  # German has them, too


@given(st.text(max_size=80))
def test_any_text_is_translated_to_text(text: str) -> None:
    assert isinstance(GERMAN.translate(text), str)


def test_english_needs_no_catalogue() -> None:
    assert Languages(None).catalogue(ENGLISH).translate("Person (drive).") == "Person (drive)."


def test_a_file_adds_a_language(tmp_path: Path) -> None:
    (tmp_path / FOLDER).mkdir()
    (tmp_path / FOLDER / "fr.json").write_text('{"@name": "Français", "Person": "Personne"}')
    languages = Languages(tmp_path)
    assert languages.known() == [("en", "English"), ("de", "Deutsch"), ("fr", "Français")]
    assert languages.catalogue("fr").translate("Person.") == "Personne."


def test_a_file_replaces_single_texts_of_ours(tmp_path: Path) -> None:
    (tmp_path / FOLDER).mkdir()
    file = tmp_path / FOLDER / "de.json"
    file.write_text('{"Motion": "Regung"}')
    languages = Languages(tmp_path)
    assert [languages.catalogue("de").translate(text) for text in ("Motion", "Vehicle")] == ["Regung", "Fahrzeug"]


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("{", "Can't use the language file"),
        ("[]", "it isn't an object of texts"),
        ('{"Person": 5, "Motion": "Mouvement"}', "'Person'"),
        ('{"Person": "", "Motion": "Mouvement"}', "'Person'"),
        ('{"{n} days": {"one": "", "other": "{n} jours"}}', "'{n} days'"),
        ('{"Person": "\\ud800", "Motion": "Mouvement"}', "'Person'"),
    ],
)
def test_a_wrong_file_is_logged_and_stays_english(
    tmp_path: Path, content: str, says: str, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / FOLDER).mkdir()
    (tmp_path / FOLDER / "fr.json").write_text(content)
    with caplog.at_level(logging.WARNING):
        assert Languages(tmp_path).catalogue("fr").translate("Person") == "Person"
    assert says in caplog.text


@pytest.mark.parametrize(
    "content", ['{"Person": " "}', '{"{n} days": {}}', '{"Person": "\\ud800"}', '{"\\udfff": "x"}']
)
def test_a_text_that_can_not_be_shown_is_left_out(tmp_path: Path, content: str) -> None:
    (tmp_path / FOLDER).mkdir()
    (tmp_path / FOLDER / "fr.json").write_text(content)
    assert Languages(tmp_path).catalogue("fr").json == b"{}"


@pytest.mark.parametrize("name", [{"one": "x"}, "", 5])
def test_a_language_without_a_name_is_called_by_its_code(tmp_path: Path, name: object) -> None:
    (tmp_path / FOLDER).mkdir()
    (tmp_path / FOLDER / "fr.json").write_text(json.dumps({"@name": name}))
    assert Languages(tmp_path).known()[-1] == ("fr", "fr")


@pytest.mark.parametrize("name", ["de-old", "de-a", "DE", "fr (copy)"])
def test_a_file_whose_name_is_no_language_is_told_once_and_not_offered(
    tmp_path: Path, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / FOLDER).mkdir()
    (tmp_path / FOLDER / f"{name}.json").write_text('{"Person": "Personne"}')
    languages = Languages(tmp_path)
    assert [languages.known() for _ in range(2)] == [[("en", "English"), ("de", "Deutsch")]] * 2
    assert caplog.text.count(f"{name}.json isn't used") == 1


@pytest.mark.parametrize("code", ["pt-BR", "zh-Hant-TW", "es-419", "sr-Latn", "xx-informal"])
def test_a_file_may_be_for_a_region_a_script_or_a_variant(tmp_path: Path, code: str) -> None:
    (tmp_path / FOLDER).mkdir()
    (tmp_path / FOLDER / f"{code}.json").write_text('{"Person": "Pessoa"}')
    languages = Languages(tmp_path)
    assert (code, code) in languages.known()
    assert languages.catalogue(code).translate("Person") == "Pessoa"


def test_a_region_takes_what_it_lacks_from_its_language(tmp_path: Path) -> None:
    (tmp_path / FOLDER).mkdir()
    (tmp_path / FOLDER / "de-AT.json").write_text('{"Motion": "Regung"}')
    austrian = Languages(tmp_path).catalogue("de-AT")
    assert [austrian.translate(text) for text in ("Motion", "Vehicle")] == ["Regung", "Fahrzeug"]
    assert (austrian.code, austrian.name) == ("de-AT", "de-AT")


def test_a_region_without_a_file_is_its_language_kept_once() -> None:
    languages = Languages(None)
    assert languages.catalogue("de-AT") is languages.catalogue("de-CH") is languages.catalogue("de")


@pytest.mark.parametrize("code", ["xx", "../de", "", "de/../de", "DE"])
def test_an_unknown_language_is_refused_and_told_once_for_notifications(
    code: str, caplog: pytest.LogCaptureFixture
) -> None:
    languages = Languages(None)
    with pytest.raises(NotDone, match="There is no language"):
        languages.catalogue(code)
    assert [languages.closest(code).code for _ in range(2)] == [ENGLISH, ENGLISH]
    assert len(re.findall("There is no language", caplog.text)) == 1


@pytest.mark.parametrize("entry", ["{what}", " {what} ", "{what}{how}"])
def test_an_entry_without_words_is_no_pattern(tmp_path: Path, entry: str) -> None:
    (tmp_path / FOLDER).mkdir()
    (tmp_path / FOLDER / "fr.json").write_text(json.dumps({entry: "!" + entry, "Person": "Personne"}))
    catalogue = Languages(tmp_path).catalogue("fr")
    assert [catalogue.translate(text) for text in (" Bell ", "Person.")] == [" Bell ", "Personne."]


def test_a_file_nested_too_deep_is_logged(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / FOLDER).mkdir()
    (tmp_path / FOLDER / "fr.json").write_text("[" * 200_000)
    assert Languages(tmp_path).catalogue("fr").translate("Person") == "Person"
    assert "Can't use the language file" in caplog.text
