"""What rules name must be there; each slip is told with its path."""

import pytest

from tawny.service.setting_references import check_rules
from tests.app.rig import settings

HOUSE = """
[modes]
presence = { people = { anna = {} } }
[cameras.porch]
source = "demo:front"
[notifiers.phone]
url = "ntfy://ntfy.sh/x"
[destinations.nas]
url = "folder:/mnt/nas"
[[rules]]
"""


@pytest.mark.parametrize(
    "rule",
    [
        'do = ["notify phone", "notify everyone", "notify no one", "upload to nas", "don\'t upload", '
        '"record porch 1 min"]',
        'when = { camera = "porch", mode = "away", home = ["anna", "anybody"], away = "everybody" }\ndo '
        '= "notify phone"',
    ],
)
def test_what_is_there_may_be_named(rule: str) -> None:
    assert list(check_rules(settings(HOUSE + rule))) == []


@pytest.mark.parametrize(
    ("rule", "path", "allowed"),
    [
        ('when = { camera = "attic" }\ndo = ["notify phone"]', "rules.0.when.camera", "porch"),
        ('when = { mode = "party" }\ndo = ["notify phone"]', "rules.0.when.mode", "home, away, night"),
        ('when = { home = "eve" }\ndo = ["notify phone"]', "rules.0.when.home", "anna, anybody"),
        ('when = { away = "anybody" }\ndo = ["notify phone"]', "rules.0.when.away", "anna, everybody"),
        ('when = { between = "sunset-sunrise" }\ndo = ["notify phone"]', "rules.0.when.between", "location ="),
        ('do = ["notify mail"]', "rules.0.do", "phone"),
        ('do = ["upload to moon"]', "rules.0.do", "nas"),
        ('do = ["record attic 1 min"]', "rules.0.do", "porch"),
    ],
)
def test_what_is_not_there_is_told_with_its_path(rule: str, path: str, allowed: str) -> None:
    (problem,) = check_rules(settings(HOUSE + rule))
    assert problem.path == path
    assert allowed in problem.allowed
