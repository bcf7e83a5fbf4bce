"""A former name of a command, an action or an option: one error that names the present one, which exists."""

import json

import pytest

from tawny.cli import main
from tawny.cli.main import COMMANDS, parser
from tests.cli.conftest import Tawny

OPTIONS = [(command, old, new) for command, options in main.OPTIONS.items() for old, new in options.items()]


@pytest.mark.parametrize(("former", "present"), main.RENAMED_COMMANDS.items())
def test_a_former_name_is_one_error_with_the_present_one(tawny: Tawny, former: str, present: tuple[str, ...]) -> None:
    result = tawny(*former.split())
    names = " or ".join(f"`tawny {name}`" for name in present)
    assert (result.code, result.out, result.err) == (2, "", f"tawny: `tawny {former}` is now {names}.\n")


@pytest.mark.parametrize("present", sorted({name for names in main.RENAMED_COMMANDS.values() for name in names}))
def test_the_present_name_exists(capsys: pytest.CaptureFixture[str], present: str) -> None:
    command, _, action = present.partition(" ")
    assert command in COMMANDS
    with pytest.raises(SystemExit) as ended:
        parser([command]).parse_args([command, "--help"])
    assert ended.value.code == 0
    assert action in capsys.readouterr().out


@pytest.mark.parametrize(("command", "old", "new"), OPTIONS)
def test_a_former_option_is_one_error_with_the_present_one(tawny: Tawny, command: str, old: str, new: str) -> None:
    result = tawny(command, "x", f"{old}=y")
    assert (result.code, result.err) == (2, f"tawny: `tawny {command} {old}` is now `tawny {command} {new}`.\n")


@pytest.mark.parametrize(("command", "old", "new"), OPTIONS)
def test_the_present_option_exists(capsys: pytest.CaptureFixture[str], command: str, old: str, new: str) -> None:
    words = [command, *(["add"] if command == "cameras" else []), "--help"]
    with pytest.raises(SystemExit):
        parser([command]).parse_args(words)
    output = capsys.readouterr().out
    assert new in output
    assert old not in output


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("add hall demo: --untried", "`tawny add --untried` is now `tawny cameras add --skip-test`."),
        ("passes make TV --brings 5GB", "`tawny passes make --brings` is now `tawny tokens create --upload-quota`."),
        ("passes --data x make TV", "`tawny passes` is now `tawny tokens`."),
        ("arm away --for 1h", "`tawny arm` is now `tawny mode`."),
        ("report camera door -o x", "`tawny report camera` is now `tawny cameras report`."),
        ("user add Ben --role family", "`tawny user --role family` is now `tawny user --role member`."),
        ("user change Ben --role=family", "`tawny user --role family` is now `tawny user --role member`."),
        ("token --help", "`tawny token` is now `tawny setup-link`."),
    ],
)
def test_a_whole_line_gets_one_error(tawny: Tawny, line: str, says: str) -> None:
    result = tawny(*line.split())
    assert (result.code, result.err) == (2, f"tawny: {says}\n")


def test_it_is_json_when_json_was_asked_for(tawny: Tawny) -> None:
    error = json.loads(tawny("token", "--json").err)["error"]
    assert (error["code"], error["message"]) == ("usage", "`tawny token` is now `tawny setup-link`.")


@pytest.mark.parametrize(
    "line", ["", "--version", "find arm yesterday", "user add Ben", "known add Anna", "export -- --whole", "mode away"]
)
def test_any_other_line_is_let_through(line: str) -> None:
    assert main.error_for(line.split()) is None


def test_no_former_name_is_in_use() -> None:
    assert not {name for name in main.RENAMED_COMMANDS if " " not in name} & set(COMMANDS)
