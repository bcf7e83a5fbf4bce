"""Nothing of the golden API, commands and settings is lost; intended renames stand in `renames.RENAMED`."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.golden.extract import EXTRACTS, find_differences, find_losses, to_interface
from tests.golden.renames import REMOVED, Change, Rename, apply_changes, apply_renames

HERE = Path(__file__).parent


def golden(name: str) -> dict[str, Any]:
    document: dict[str, Any] = json.loads((HERE / f"{name}.json").read_text(encoding="utf-8"))
    return to_interface(name, document)


@pytest.mark.filterwarnings("ignore:'imghdr' is deprecated")  # Apprise reads it
@pytest.mark.parametrize("name", EXTRACTS)
def test_interface_is_the_golden_one(name: str) -> None:
    before = apply_changes(name, apply_renames(name, golden(name)), REMOVED)
    now = apply_renames(name, to_interface(name, EXTRACTS[name]()), ())
    assert list(find_losses(before, now)) == []


@pytest.mark.parametrize(
    ("before", "now", "count"),
    [
        ({"a": 1}, {"a": 1, "b": 2}, 0),
        ({"a": 1, "b": 2}, {"a": 1}, 1),
        ({"a": 1}, {"a": 2}, 1),
        (["on", "off"], ["off", "auto", "on"], 0),
        (["on", "off"], ["on", "auto"], 1),
        ([{"name": "a", "kinds": ["x"]}], [{"name": "b"}, {"name": "a", "kinds": ["x", "y"]}], 0),
        ([{"name": "a", "kinds": ["x"]}], [{"name": "a", "kinds": ["y"]}], 1),
        ({"requestBody": {"required": ["a"]}}, {"requestBody": {"required": ["a", "b"]}}, 1),
        ({"responses": {"required": ["a"]}}, {"responses": {"required": ["a", "b"]}}, 0),
        ({"type": "string", "maxLength": 40}, {"type": "string"}, 0),
        ({"maximum": 40, "minimum": 2}, {"maximum": 60, "minimum": 1}, 0),
        ({"maximum": 40, "minimum": 2}, {"maximum": 30, "minimum": 3}, 2),
        ({"pattern": "a+"}, {"pattern": "b+"}, 1),
    ],
)
def test_only_what_is_gone_or_different_is_a_loss(before: object, now: object, count: int) -> None:
    assert len(list(find_losses(before, now))) == count


@pytest.mark.parametrize(
    ("rename", "old", "new"),
    [
        (Rename("openapi", "path", "/api/v1/timeline", "/api/v1/past"), "/api/v1/timeline", "/api/v1/past"),
        (Rename("openapi", "field", "score", "level"), "score", "level"),
        (Rename("openapi", "value", "side-by-side", "grid"), "side-by-side", "grid"),
        (Rename("help", "command", "tawny why", "tawny explain"), "tawny why", "tawny explain"),
        (Rename("help", "option", "--deep", "--full"), "--deep", "--full"),
        (Rename("settings", "table", "storage.keep", "storage.retention"), "storage.keep.sub", "storage.retention.sub"),
        (Rename("settings", "key", "listen", "bind", "web"), "web / keys / listen", "web / keys / bind"),
        (Rename("settings", "value", "balanced", "normal"), "balanced", "normal"),
    ],
)
def test_rename_changes_golden_document(rename: Rename, old: str, new: str) -> None:
    before = apply_renames(rename.document, golden(rename.document), ())
    found = "\n".join(find_differences(before, apply_renames(rename.document, before, [rename])))
    assert old in found
    assert new in found


def test_change_must_be_one() -> None:
    now = apply_renames("help", golden("help"), ())
    with pytest.raises(AssertionError):
        apply_changes("help", now, [Change("help", "command", "tawny fly", "there is no such command")])


@pytest.mark.parametrize("name", EXTRACTS)
def test_schema_names_and_prose_do_not_matter(name: str) -> None:
    text = (HERE / f"{name}.json").read_text(encoding="utf-8")
    reworded = text.replace("#/components/schemas/", "#/components/schemas/Other").replace(
        '"schemas": {', '"schemas": {'
    )
    document = json.loads(reworded)
    if name == "openapi":
        schemas = document["components"]["schemas"]
        document["components"]["schemas"] = {f"Other{key}": value for key, value in schemas.items()}
        document["paths"]["/api/v1/timeline"]["get"]["summary"] = "Another summary"
    assert list(find_differences(golden(name), to_interface(name, document))) == []
