"""German has every text of the recorder that people can see: of errors, their hints, and fields with sentences.

The texts are read from the source, so that a new one fails here until `translations/de.json` has it.
"""

import ast
import importlib
import re
from collections import defaultdict
from collections.abc import Iterator
from typing import get_args

import pytest
from pydantic_core.core_schema import ErrorType

from tawny.api.auth.audit_counts import REFUSALS
from tawny.model.errors import PhoneAway, SourceError, SourceStalled
from tawny.model.validation import allowed_text, is_own_text
from tawny.service.languages import Languages
from tawny.service.system_actions import ACTIONS
from tests.support.said_texts import SOURCE, Said, errors, forget_source, noted, said_in, trees

GERMAN = Languages(None).catalogue("de")
EXEMPT = {
    "sudo install -d -m 700 -o {geteuid} -g {getegid} {folder}": "a command to copy",
    '`"command": "{name}"`': "a part of a message of programs",
}
"""Each with its reason."""
COMMANDS_ONLY = ("config/importers/", "testing/")
"""Only commands print these. The output of commands is English."""
PEOPLE = SOURCE.parents[1] / "ui/src/strings/people.ts"
FOLDERS = sorted({one.parent.name for one in SOURCE.glob("*/__init__.py")} - {"cli", "testing"})
_PLACE = re.compile(r"\{\w+\}")
_SENTENCES = re.compile(r"(?<=[.!?]) ")


@pytest.fixture(scope="module", autouse=True)
def source_forgotten() -> Iterator[None]:
    yield
    forget_source()


def _shape(text: str) -> str:
    """Return a text with all places alike: a catalogue may name them otherwise."""
    return _PLACE.sub("{}", text)


OURS = [text for text in GERMAN.texts if not re.search(r"\{\d", text)]
"""Without the interface's own, whose places have numbers."""
SHAPES = {_shape(form) for text in OURS for form in (text, text[:1].lower() + text[1:])}
"""Within a sentence, a text is found without its capital letter, too."""
SAME = {_PLACE.sub("17", text) for text, to in GERMAN.texts.items() if text == to}
"""German that is no other text than English, such as words of the settings file."""


def _has(shape: str) -> bool:
    return shape in SHAPES or shape.removesuffix(".") in SHAPES


def _shown(folder: str, also: frozenset[str] = frozenset()) -> list[Said]:
    found = said_in(folder, also)
    return [answer for answer in found if not answer.where.startswith(COMMANDS_ONLY) and answer.text not in EXEMPT]


def _without_german(texts: list[Said]) -> list[Said]:
    """Return those that the catalogue lacks, whole and as sentences."""
    shapes = [(answer, _shape(answer.text.strip())) for answer in texts]
    return [answer for answer, shape in shapes if not _has(shape) and not all(map(_has, _SENTENCES.split(shape)))]


@pytest.mark.parametrize("folder", FOLDERS)
def test_german_has_every_text_that_people_see(folder: str) -> None:
    assert _without_german(_shown(folder)) == []


def _of_cameras() -> list[type[SourceError]]:
    """Return the errors of cameras, each once."""
    for path, tree in trees().items():
        if any(isinstance(node, ast.ClassDef) and node.name in errors() for node in tree.body):
            importlib.import_module(f"tawny.{path.removesuffix('.py').replace('/', '.')}")
    found = [SourceError]
    for kind in found:
        found += (one for one in kind.__subclasses__() if one not in found)
    return found


def test_german_has_why_a_camera_is_offline_without_its_address() -> None:
    kinds = _of_cameras()
    assert {SourceError, SourceStalled} < {*kinds}
    seen = [(kind("", "{detail}"), kind.__name__) for kind in kinds]
    without = [Said(one.for_viewers.removesuffix(one.do), where) for one, where in seen]
    assert _without_german(without) == []


@pytest.mark.parametrize(
    ("text", "german"),
    [
        (
            SourceStalled("", "no video for 5 s, no data at all").for_viewers,
            "Die Kamera sendet kein Video mehr (5 s lang kein Video, überhaupt keine Daten). "
            "Wenn das so bleibt, starte die Kamera neu.",
        ),
        (
            PhoneAway("", "its page was closed or stopped").message,
            "Wartet auf das Handy (seine Seite wurde geschlossen oder angehalten).",
        ),
    ],
    ids=["stalled", "away"],
)
def test_why_a_camera_is_offline_is_german_as_a_whole(text: str, german: str) -> None:
    assert GERMAN.translate(text) == german


def test_german_has_what_settings_may_be() -> None:
    assert _without_german(_shown("config", frozenset({"ValueError"}))) == []


DOCTOR = frozenset({"fine", "note", "wrong"})
"""What makes the sentences of `tawny doctor`, which the interface shows, too."""
AREAS = {
    "camera {name}": "only the command tries cameras",
    "{name} port": "test_german_has_what_the_doctor_looks_at",
    "{group} devices": "test_german_has_what_the_doctor_looks_at",
}
"""Each with what is said of it instead."""


def _of_doctor() -> list[Said]:
    return [answer for answer in said_in("service/diagnosis", DOCTOR) if answer.text not in AREAS]


def test_german_has_what_the_doctor_says() -> None:
    assert _without_german(_of_doctor()) == []


def test_what_the_doctor_says_is_translated_with_values_in_it() -> None:
    examples = [one for answer in _of_doctor() for one in _examples(answer.text.strip())]
    assert [one for one in examples if GERMAN.translate(one) == one and one not in SAME] == []


@pytest.mark.parametrize(
    "area",
    [
        *("settings", "disk", "folder", "disk speed", "disk space", "disk health", "clock", "power supply"),
        *("throttling", "temperature", "memory", "video devices", "render devices", "dialout devices", "network"),
        *("service", "versions", "web port", "RTSP port", "certificate"),
    ],
)
def test_german_has_what_the_doctor_looks_at(area: str) -> None:
    assert GERMAN.translate(area) != area


WITH_VALUES = {
    "{group} changed": ("notifiers changed", "destinations changed", "files changed"),
    "uploads and notifications {value}": ("uploads and notifications paused", "uploads and notifications resumed"),
    "rule {what}": ("rule snoozed", "rule no longer snoozed"),
    "own notifications {what}": ("own notifications snoozed", "own notifications no longer snoozed"),
    "notifications {what} for everyone": (
        "notifications snoozed for everyone",
        "notifications no longer snoozed for everyone",
    ),
    "{value} begun": tuple(f"{one.replace('_', ' ')} begun" for one in ACTIONS),
    "{value} cancelled": tuple(f"{one.replace('_', ' ')} cancelled" for one in ACTIONS),
}
"""Actions of the access log of which each value has German of its own."""


def _actions() -> list[str]:
    """Return what the access log says of actions, but for those that the interface itself has words for."""
    own = set(re.findall(r'^    "?([^":]+)"?: "', PEOPLE.read_text(), re.MULTILINE))
    found = {one for text in noted() for one in WITH_VALUES.get(text, (text,))} | {*REFUSALS}
    return sorted(found - own)


def test_german_has_what_the_access_log_says() -> None:
    actions = _actions()
    assert "recorder named" in actions
    assert [one for one in actions if not _has(_shape(one)) and not _has(_shape(one[:1].upper() + one[1:]))] == []


@pytest.mark.parametrize("kind", [kind for kind in get_args(ErrorType) if not is_own_text({"type": kind})])
def test_german_has_what_values_of_requests_may_be(kind: str) -> None:
    text = allowed_text({"type": kind, "ctx": defaultdict(lambda: "17")})
    assert text == "17" or GERMAN.translate(text) != text


@pytest.mark.parametrize("folder", FOLDERS)
def test_each_text_is_translated_with_values_in_it(folder: str) -> None:
    """Finds a pattern that another one hides, or that lacks the space before it."""
    examples = [one for answer in _shown(folder) for one in _examples(answer.text.strip())]
    assert [one for one in examples if GERMAN.translate(one) == one and one not in SAME] == []


def _examples(text: str) -> list[str]:
    """Return a text with values, and each of its sentences where the catalogue has them one by one."""
    example = _PLACE.sub("17", text)
    return [example] if _has(_shape(text)) else _SENTENCES.split(example)


@pytest.mark.parametrize(
    ("folder", "text"),
    [
        ("api", "This recording is encrypted."),  # an argument
        ("api", "It may have been deleted."),  # the default of a helper
        ("sources", "Allowed: {least} to {most}."),  # with values
        ("storage", "an earlier"),  # returned by a function, and a value of another text
    ],
)  # fmt: skip
def test_texts_are_found_in_every_form_of_the_source(folder: str, text: str) -> None:
    assert text in {answer.text for answer in said_in(folder)}


def test_a_text_without_german_is_told() -> None:
    texts = [Said("The moon is in the way of {camera}.", "x.py:1"), Said("This recording is encrypted.", "x.py:2")]
    assert _without_german(texts) == texts[:1]


def test_no_exemption_is_left_over() -> None:
    assert {answer.text for folder in FOLDERS for answer in said_in(folder)} >= EXEMPT.keys()
