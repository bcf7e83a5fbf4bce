"""No two cameras get one name, whichever way a camera or a name comes into the settings."""

from collections.abc import Callable

import pytest

from tawny.config.drafts import SettingsDraft
from tawny.config.settings import Settings, display_name
from tawny.model.errors import NotDone

FILE = """\
[cameras.gate]
source = "demo:front"
name = "Front door"

[cameras.yard]
source = "demo:front"
"""


def _draft(text: str = FILE) -> SettingsDraft:
    return SettingsDraft(None, text, {}, may_refer=True)


def _names(settings: Settings) -> dict[str, str]:
    return {camera: display_name(camera, one) for camera, one in settings.cameras.items()}


def test_a_camera_that_is_added_gets_a_number_where_its_name_is_taken() -> None:
    draft = _draft()
    draft.add_camera("front-door", {"source": "demo:front"}, {})
    assert _names(draft.understood())["front-door"] == "Front door 2"


def test_a_removed_camera_that_comes_back_gets_a_number_where_its_name_is_taken() -> None:
    draft = _draft()
    table, secrets = draft.take_camera("gate")
    draft.remove_camera("gate")
    draft.put_name("yard", "front  DOOR")
    draft.put_camera("gate", table, secrets)
    assert _names(draft.understood()) == {"yard": "front  DOOR", "gate": "Front door 2"}


@pytest.mark.parametrize(
    "rename",
    [
        lambda draft, name: draft.put_name("yard", name),
        lambda draft, name: draft.put_setting("cameras.yard.name", name, is_secret=False),
    ],
    ids=["rename", "settings"],
)
def test_a_name_that_another_camera_has_is_refused(rename: Callable[[SettingsDraft, str], None]) -> None:
    with pytest.raises(NotDone, match="gate is already called “Front door”"):
        rename(_draft(), "front door")
    draft = _draft()
    rename(draft, "Yard")
    assert _names(draft.understood())["yard"] == "Yard"


def test_a_long_name_stays_within_the_limit_of_names() -> None:
    name = "x" * 80
    draft = _draft(FILE.replace("Front door", name))
    assert draft.free_name(name, "new") == "x" * 75 + " 2"
