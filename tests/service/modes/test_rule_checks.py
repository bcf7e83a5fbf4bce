"""What rules name must be there; each slip is told with its path."""

import pytest

from tawny.service.modes.rule_validation import check_rules
from tests.app.rig import settings

HOUSE = """
[arm]
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
        'do = ["tell phone", "tell everybody", "tell nobody", "clip to nas", "clip to nowhere", "record porch 1 min"]',
        'when = { camera = "porch", arm = "away", home = ["anna", "anybody"], gone = "everybody" }\ndo = "tell phone"',
    ],
)
def test_what_is_there_may_be_named(rule: str) -> None:
    assert list(check_rules(settings(HOUSE + rule))) == []


@pytest.mark.parametrize(
    ("rule", "path", "allowed"),
    [
        ('when = { camera = "attic" }\ndo = ["tell phone"]', "rules.0.when.camera", "porch"),
        ('when = { arm = "party" }\ndo = ["tell phone"]', "rules.0.when.arm", "home, away, night"),
        ('when = { home = "eve" }\ndo = ["tell phone"]', "rules.0.when.home", "anna, anybody"),
        ('when = { gone = "anybody" }\ndo = ["tell phone"]', "rules.0.when.gone", "anna, everybody"),
        ('when = { between = "sunset-sunrise" }\ndo = ["tell phone"]', "rules.0.when.between", "place ="),
        ('do = ["tell mail"]', "rules.0.do", "phone"),
        ('do = ["clip to moon"]', "rules.0.do", "nas"),
        ('do = ["record attic 1 min"]', "rules.0.do", "porch"),
    ],
)
def test_what_is_not_there_is_told_with_its_path(rule: str, path: str, allowed: str) -> None:
    (problem,) = check_rules(settings(HOUSE + rule))
    assert problem.path == path
    assert allowed in problem.allowed
