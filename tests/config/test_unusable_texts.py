"""NUL in a setting would stop tawny where the text names a file or a program: it is refused when settings are read."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from tawny.config.drafts import SettingsDraft
from tawny.config.loader import parse_settings
from tawny.config.settings import DetectionSettings
from tawny.model.errors import SettingsError

USABLE = "text without the character NUL and without halves of characters"
CAMERA = '[cameras.front]\nsource = "demo:front"\n'


@pytest.mark.parametrize(
    ("text", "path"),
    [
        (f'{CAMERA}[cameras.front.detection.sound]\nmodel = "a\\u0000"', "cameras.front.detection.sound.model"),
        (f'{CAMERA}[cameras.front.detection.framediff]\nfile = "\\u0000"', "cameras.front.detection.framediff.file"),
        (f'{CAMERA}[cameras.front.rtsp]\n"a\\u0000" = 1', "cameras.front.rtsp"),
        ('[storage]\npath = "/srv\\u0000"', "storage.path"),
        ('[log]\nfile = "/srv\\u0000"', "log.file"),
        ('[updates]\ncommand = ["/usr/bin/true", "\\u0000"]', "updates.command.1"),
        ('[recognizers.own]\nfile = "\\u0000"', "recognizers.own.file"),
        ('[destinations.nas]\nurl = "folder:/mnt"\nnames = "\\u0000"', "destinations.nas.names"),
    ],
)
def test_a_text_with_nul_is_refused(text: str, path: str) -> None:
    made, problems = parse_settings(text, {})
    assert made is None
    assert [(one.path, one.allowed) for one in problems] == [(path, USABLE)]
    assert "\0" not in problems[0].found


def test_one_in_a_secret_is_refused_and_not_shown() -> None:
    made, problems = parse_settings('[mqtt]\nurl = "mqtt://a:${PW}@host"', {"PW": "s3cret\0"})
    assert made is None
    assert [(one.path, one.found) for one in problems] == [("mqtt.url", "an invalid address")]


def test_other_problems_of_the_file_are_told_by_their_place() -> None:
    text = f'{CAMERA}[cameras.front.detection]\nalert = ["\\u0000", "b"]\nrecognize = ["\\u0000"]'
    problems = parse_settings(text, {})[1]
    assert [(one.path, one.line) for one in problems] == [
        ("cameras.front.detection.alert.0", 4),
        ("cameras.front.detection.recognize.0", 5),
    ]


@pytest.mark.parametrize("text", ["\0", "\ud800", "a\udfffb"])
def test_no_program_sets_one(text: str, tmp_path: Path) -> None:
    with pytest.raises(ValidationError, match="NUL"):
        DetectionSettings.model_validate({"sound": {"model": text}})
    file = tmp_path / "tawny.toml"
    file.write_text(CAMERA)
    draft = SettingsDraft(file, "", {})
    draft.put_setting("cameras.front.detection.sound.model", text, is_secret=False)
    with pytest.raises(SettingsError):
        draft.understood()


def test_lines_and_tabs_stay() -> None:
    made, problems = parse_settings(f'{CAMERA}[cameras.front.detection]\nalert = ["a\\n\\tb"]', {})
    assert made is not None, problems
    assert made.cameras["front"].detection.alert == ("a\n\tb",)
