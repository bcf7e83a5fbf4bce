"""NUL in a setting would stop tawny where the text names a file or a program: it is refused when settings are read."""

from pathlib import Path

import pytest
from pydantic import BaseModel, ValidationError

from tawny.api.schemas import ApiRequest
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
    assert [(one.path, one.found, one.allowed) for one in problems] == [(path, "text with the character NUL", USABLE)]


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ('[mqtt]\nurl = "mqtt://a:${PW}@host"', "mqtt.url"),
        ('[mqtt]\nhost = "h"\npassword = "${PW}"', "mqtt.password"),
        ('[web.secure]\nway = "domain"\ndns_secrets = { KEY = "${PW}" }', "web.secure.dns_secrets.KEY"),
        ('[scripts.x]\ncommand = ["/bin/x", "--token=${PW}"]', "scripts.x.command.1"),
        (f'{CAMERA}[cameras.front.detection.cloud]\napi_token = "${{PW}}"', "cameras.front.detection.cloud.api_token"),
        ('[destinations.x]\nurl = "plugin://h/"\npin = "${PW}"', "destinations.x.pin"),
    ],
)
@pytest.mark.parametrize("end", ["\0", "\ud800"])
def test_one_in_a_secret_is_refused_and_not_shown(text: str, path: str, end: str) -> None:
    made, problems = parse_settings(text, {"PW": f"s3cret{end}"})
    assert made is None
    found = "text with the character NUL" if end == "\0" else "text with half of a character"
    assert [(one.path, one.found) for one in problems] == [(path, found)]
    assert "s3cret" not in str(SettingsError("tawny.toml", tuple(problems)))


@pytest.mark.parametrize("model", [DetectionSettings, ApiRequest])
def test_the_error_itself_does_not_have_the_text(model: type[BaseModel]) -> None:
    with pytest.raises(ValidationError) as refused:
        model.model_validate({"any": {"token": ["s3cret\0", "s3cret\udfff"], "s3cret\0": 1}})
    shown = [str(refused.value), *(f"{one['msg']} {one['input']} {one.get('ctx')}" for one in refused.value.errors())]
    assert not [one for one in shown if "s3cret" in one]


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
