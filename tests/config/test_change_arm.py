"""Modes and rules changed in the settings file: comments stay, and nothing that cannot be used is written."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tawny.config.changes import change_modes, modes_to_table, parse_modes, rule_to_table
from tawny.config.loader import read_settings
from tawny.config.modes import ModesSettings, RuleSettings, parse_action
from tawny.model.errors import SettingsError

FILE = """\
# our house
[modes]                                   # modes
schedule = { night = ["22:00-06:30"] }      # asleep
location = [52.52, 13.4]

[cameras.porch]
source = "demo:front"                   # the porch

[notifiers.phone]
url = "ntfy://ntfy.sh/x"

[[rules]]                               # people at night
name = "night"
when = { kind = "person", mode = "night" }   # only then
do = "notify phone"

[[rules]]                               # the porch is ours
when = { mode = "home" }
do = ["don't record"]
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    made = tmp_path / "tawny.toml"
    made.write_text(FILE, encoding="utf-8")
    return made


def words_of(path: Path) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    settings = read_settings(path, {})
    return modes_to_table(settings.modes), [rule_to_table(rule) for rule in settings.rules]


def test_the_same_again_leaves_the_file_as_it_is(path: Path) -> None:
    change_modes(path, *words_of(path))
    assert path.read_text(encoding="utf-8") == FILE


def test_one_time_changes_and_all_comments_stay(path: Path) -> None:
    arm, rules = words_of(path)
    arm["schedule"] = {"night": ["23:00-07:00"], "away": ["mon-fri sunrise+1h-17:00"]}
    settings = change_modes(path, arm, rules)
    assert [str(one) for one in settings.modes.schedule["away"]] == ["mon-fri sunrise+60m-17:00"]
    written = path.read_text(encoding="utf-8")
    assert all(words in written for words in ("# our house", "# the porch\n", "# people at night", "# only then"))
    assert read_settings(path, {}) == settings


def test_rules_move_and_go_with_their_comments(path: Path) -> None:
    arm, (first, second) = words_of(path)
    change_modes(path, arm, [second, {"when": {"kind": "vehicle"}, "do": ["notify no one"]}, first])
    written = path.read_text(encoding="utf-8")
    assert written.index("# the porch is ours") < written.index("vehicle") < written.index("# people at night")
    assert len(read_settings(path, {}).rules) == 3
    change_modes(path, arm, [])
    assert read_settings(path, {}).rules == ()
    assert "# the porch\n" in path.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("arm", "rules", "where", "allowed"),
    [
        ({"names": ["home", "home"]}, [], "modes", "each mode only once"),
        ({"schedule": {"party": ["22:00-23:00"]}}, [], "modes", "one of home, away, night"),
        ({"schedule": {"night": ["22-23"]}}, [], "modes.schedule.night", "times, for example"),
        ({"schedule": {"night": ["sunset-sunrise"]}}, [], "modes", "location ="),
        ({"exceptions": {"tomorrow": "away"}}, [], "modes.exceptions", "a date such as"),
        ({"exceptions": {"2026-12-24 to 2026-12-01": "away"}}, [], "modes.exceptions", "doesn't end before it begins"),
        ({"exceptions": {"2026-12-24 to 2027-12-25": "away"}}, [], "modes.exceptions", "a range of at most"),
        ({"exceptions": {"2026-12-24": "party"}}, [], "modes", "one of home"),
        ({"location": [91, 0]}, [], "modes", "latitude"),
        ({"presence": {"ping": ["a b"]}}, [], "modes.presence.ping.0", "an address or host name"),
        ({"presence": {"mac": ["aa:bb"]}}, [], "modes.presence.mac.0", "MAC address"),
        ({"presence": {"every": "1 s"}}, [], "modes.presence.every", "5 or more"),
        ({"presence": {"people": {"anna": {}}, "nobody": "gone"}}, [], "modes", "one of home"),
        ({}, [{"do": ["shout"]}], "rules.0.do", "notify NAME"),
        ({}, [{"do": []}], "rules.0.do", "at least 1"),
        ({}, [{"do": ["relay gate 2 days"]}], "rules.0.do", "between 0.1 s and 24 h"),
        ({}, [{"do": ["don't record", "notify phone"]}], "rules.0", "the only action of its rule"),
        ({}, [{"when": {"kind": "person"}, "do": ["don't record"]}], "rules.0", "doesn't depend on an event"),
        ({}, [{"when": {"weather": "rain"}, "do": ["notify phone"]}], "rules.0.when.weather", "only known names"),
    ],
)
def test_what_cannot_be_used_is_refused_with_its_path_and_nothing_is_written(
    path: Path, arm: dict[str, Any], rules: list[dict[str, Any]], where: str, allowed: str
) -> None:
    with pytest.raises(SettingsError) as refused:
        change_modes(path, arm, rules)
    assert (refused.value.problems[0].path, refused.value.problems[0].found) == (where, "an invalid value")
    assert allowed in refused.value.problems[0].allowed
    assert path.read_text(encoding="utf-8") == FILE


names = st.sampled_from(["home", "away", "night"])
spans = st.sampled_from(["22:00-06:00", "mon-fri 08:00-17:00", "sat sun sunset+20m-sunrise", "sunrise-45m-12:00"])
somebody = st.fixed_dictionaries(
    {}, optional={"ping": st.just(["192.0.2.1"]), "mac": st.just(["aa:bb:cc:dd:ee:ff"]), "mdns": st.just(["a.local"])}
)
arms = st.fixed_dictionaries(
    {"location": st.just([52.5, 13.4])},
    optional={
        "schedule": st.dictionaries(names, st.lists(spans, min_size=1, max_size=2), max_size=3),
        "exceptions": st.dictionaries(
            st.sampled_from(["2026-12-24", "2026-12-25", "2026-12-27 to 2027-01-02", "2026-05-01"]),
            st.sampled_from(["away", "sun", "home"]),
        ),
        "presence": st.fixed_dictionaries(
            {},
            optional={"people": st.dictionaries(st.sampled_from(["anna", "ben"]), somebody), "every": st.just("30 s")},
        ),
    },
)


@given(arms)
def test_words_and_settings_are_one(words: dict[str, Any]) -> None:
    arm, _ = parse_modes(words, [])
    assert parse_modes(modes_to_table(arm), [])[0] == arm


@pytest.mark.parametrize(
    "text",
    ["notify phone", "notify everyone", "notify no one", "upload to offsite", "upload everywhere", "don't upload",
     "don't record", "record 5 min", "record garden 2 min", "relay gate 2 s", "relay gate off", "relay siren 30 s",
     "ptz drive way gate", "run lights.sh", "say Please, leave!"],
)  # fmt: skip
def test_a_deed_is_written_as_it_is_read(text: str) -> None:
    assert str(parse_action(text)) == text
    assert RuleSettings.model_validate({"do": text}).do == (parse_action(text),)


@pytest.mark.parametrize(
    "text", ["", "notify", "upload offsite", "relay", "run ../x", "run a b", "say ", "notify a;b", "siren loud"]
)
def test_what_is_no_deed_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="notify NAME"):
        parse_action(text)


def test_settings_are_shown_in_the_words_of_the_file(path: Path) -> None:
    shown = json.loads(json.dumps(read_settings(path, {}).model_dump()))
    assert shown["modes"]["schedule"] == {"night": ["22:00-06:30"]}
    assert [rule["do"] for rule in shown["rules"]] == [["notify phone"], ["don't record"]]


def test_a_siren_is_a_relay_of_that_name_and_records_last_five_minutes() -> None:
    assert str(parse_action("siren")) == "relay siren 30 s"
    assert str(parse_action("record")) == "record 5 min"
    assert isinstance(ModesSettings().names, tuple)


def test_what_a_rule_asks_of_recognition_is_kept(path: Path) -> None:
    when = {"kind": "person", "recognized": ["anna", "unknown"], "include_possible": True}
    settings = change_modes(path, {}, [{"when": when, "do": ["notify phone"]}])
    assert [rule_to_table(rule) for rule in settings.rules] == [{"when": when, "do": ["notify phone"]}]
    assert "include_possible = true" in path.read_text()
