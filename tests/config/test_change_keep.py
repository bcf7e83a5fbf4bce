"""How long what is kept is changed in the file as a person would: comments and all that stays as it is survive."""

from pathlib import Path

import pytest

from tawny.config.changes import change_retention, parse_retention, retention_to_table
from tawny.config.loader import read_settings
from tawny.config.retention import RetentionSettings
from tawny.model.errors import NotDone, SettingsError

FILE = """\
# My house.
[storage]
path = "/srv/video"   # the big disk
retention = { min = "14 days", max = "90 days" }  # as agreed

[cameras.porch]
source = "demo:"      # in front
retention = { max_size = "500 GB" }

[cameras.yard]
source = "demo:"
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "tawny.toml"
    path.write_text(FILE)
    return path


def _words(file: Path) -> dict[str, object]:
    return retention_to_table(read_settings(file).storage.retention)


def test_only_what_differs_is_written_and_comments_stay(file: Path) -> None:
    words = {**_words(file), "min": "7 days", "max_size": "5.4 TB", "events": {"person": "60 days", "other": "30 days"}}
    made = change_retention(file, words, {})
    text = file.read_text()
    assert "# the big disk" in text
    assert "# as agreed" in text
    assert "# in front" in text
    assert 'min = "7 days"' in text
    assert "min_free" not in text
    assert made.storage.retention.max_size == 5_400_000_000_000
    assert made.storage.retention.events == {"person": 60 * 86_400, "other": 30 * 86_400}
    assert _words(file) == words


def test_what_is_said_again_changes_nothing(file: Path) -> None:
    change_retention(file, _words(file), {"porch": {"max_size": "500 GB"}})
    assert file.read_text() == FILE


def test_a_camera_gets_its_own_and_loses_it(file: Path) -> None:
    made = change_retention(file, _words(file), {"yard": {"min": "30 days", "sub": {"max": "1 years"}}, "porch": {}})
    yard = made.cameras["yard"].retention
    assert yard is not None
    assert yard.sub is not None
    assert (yard.min, yard.sub.max) == (30 * 86_400, 365 * 86_400)
    assert made.cameras["porch"].retention is None
    assert "500 GB" not in file.read_text()


@pytest.mark.parametrize(
    ("words", "path"),
    [({"min": "two weeks"}, "storage.retention.min"), ({"min": "9 days", "max": "3 days"}, "storage.retention"),
     ({"min_free": "200 %"}, "storage.retention.min_free"), ({"never": "1 days"}, "storage.retention.never")],
)  # fmt: skip
def test_what_cannot_be_used_is_told_and_nothing_is_written(file: Path, words: dict[str, str], path: str) -> None:
    with pytest.raises(SettingsError) as raised:
        parse_retention(words, {})
    assert raised.value.problems[0].path == path
    with pytest.raises(SettingsError):
        change_retention(file, words, {})
    assert file.read_text() == FILE


def test_a_camera_that_was_taken_out_is_told(file: Path) -> None:
    with pytest.raises(NotDone):
        change_retention(file, _words(file), {"garage": {"min": "1 days"}})
    assert file.read_text() == FILE


def test_a_file_without_any_of_it_gets_what_is_needed(tmp_path: Path) -> None:
    file = tmp_path / "tawny.toml"
    file.write_text('[cameras.porch]\nsource = "demo:"\n')
    change_retention(
        file, {**retention_to_table(RetentionSettings()), "max_size": "200 GB"}, {"porch": {"min": "1 days"}}
    )
    made = read_settings(file)
    assert made.storage.retention.max_size == 200 * 10**9
    assert made.cameras["porch"].retention is not None


def test_words_say_exactly_what_was_meant() -> None:
    keep = RetentionSettings.model_validate(
        {"max_size": "123.456 GB", "min": "36 h", "max": "14 days", "min_free": "2.5 %"}
    )
    assert parse_retention(retention_to_table(keep), {})[0] == keep
