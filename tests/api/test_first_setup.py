"""The first hour over HTTP: what is open, what is chosen, and what a recorder without an owner answers to others."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

import httpx
import pytest

from tawny.api.auth.accounts import Role, TokenPurpose
from tawny.api.auth.audit_counts import SIGN_IN_FAILED
from tawny.config.loader import read_settings
from tawny.config.settings import Settings
from tawny.model.errors import FolderUnwritable, NotDone, Problem, SettingsError, TawnyError
from tawny.service.backup.backup_service import BackupService
from tawny.service.changeable_settings import ChangeableSettings
from tawny.service.first_setup import FirstSetupService, ServiceOffer, SetupCard, SetupFacts, SetupStep, StepState
from tawny.service.storage_choice import DiskChoice, StorageChoices, StorageChoiceService
from tests.api.fakes import ORIGIN, OURS, House

TEXT = '# mine\n[web]\nlisten = "0.0.0.0:8000"  # all\n'
CAMERA = '[cameras.porch]\nsource = "demo:"\n'
COMMAND = "sudo tawny service install"


NOTHING = SetupFacts(has_owner=False)


class Setup:
    """The service over a real settings file. facts: what exists; change it."""

    def __init__(self, folder: Path, text: str = TEXT, facts: SetupFacts = NOTHING) -> None:
        self.config, self.folder, self.facts = folder / "tawny.toml", folder, facts
        self.config.write_text(text)
        self.settings = read_settings(self.config)
        self.service = self.start()

    def start(self, *, in_file: bool = True) -> FirstSetupService:
        def apply(new: Settings, _: str) -> None:
            self.settings = new

        changeable = ChangeableSettings(lambda: self.settings, apply, self.config if in_file else None)
        return FirstSetupService(changeable, self.folder, lambda: self.facts, ServiceOffer(False, COMMAND))

    def state(self) -> dict[str, Any]:
        now = self.service.now()
        return {"steps": {str(k): str(v) for k, v in now.steps.items()}, "finished": now.finished} | {
            str(k): str(v) for k, v in now.cards.items()
        }


@pytest.fixture
def setup(house: House, tmp_path: Path) -> Setup:
    made = Setup(tmp_path)
    house.site.first_setup = made.service
    house.site.own_addresses = lambda: ["http://192.168.1.5:8000"]
    return made


OPEN = dict.fromkeys(("account", "cameras", "storage", "notifications", "outside"), "open")
DONE_BY = [
    ("account", "", SetupFacts(has_owner=True)),
    ("cameras", CAMERA, SetupFacts(has_owner=False)),
    ("storage", '[storage]\npath = "/mnt/x"\n', SetupFacts(has_owner=False)),
    ("storage", '[storage]\nretention = { max = "30 days" }\n', SetupFacts(has_owner=False)),
    ("notifications", "", SetupFacts(has_owner=False, has_push=True)),
    ("notifications", '[notifiers.phone]\nurl = "ntfy://ntfy.sh/x"\n', SetupFacts(has_owner=False)),
    ("outside", 'public_url = "https://cam.example.org"\n', SetupFacts(has_owner=False)),
]


@pytest.mark.parametrize(("step", "text", "facts"), DONE_BY)
def test_a_step_done_elsewhere_is_done(tmp_path: Path, step: str, text: str, facts: SetupFacts) -> None:
    made = Setup(tmp_path, TEXT + text, facts)
    assert made.state()["steps"] == OPEN | {step: "done"}
    assert not made.state()["finished"]


def test_a_browser_channel_that_no_browser_uses_notifies_nobody(tmp_path: Path) -> None:
    made = Setup(tmp_path, TEXT + '[notifiers.web]\nurl = "webpush:me@example.org"\n')
    assert made.state()["steps"]["notifications"] == "open"


def test_what_was_skipped_survives_the_next_start_and_can_be_opened_again(tmp_path: Path) -> None:
    made = Setup(tmp_path)
    for step in SetupStep:
        if step is not SetupStep.ACCOUNT:
            made.service.put_step(step, StepState.SKIPPED)
    made.facts = SetupFacts(has_owner=True)
    made.service = made.start()
    assert made.state()["steps"] == dict.fromkeys(OPEN, "skipped") | {"account": "done"}
    assert not made.state()["finished"], "the reminder stays until it is hidden"
    made.service.put_step(SetupStep.CAMERAS, StepState.OPEN)
    assert made.state()["steps"]["cameras"] == "open"
    assert (tmp_path / "setup.json").stat().st_mode & 0o777 == 0o600


def test_a_recorder_from_before_is_finished_and_nothing_nags(tmp_path: Path) -> None:
    made = Setup(tmp_path, TEXT + CAMERA, SetupFacts(has_owner=True))
    assert made.state()["finished"]
    assert {made.state()[card] for card in ("service", "detection", "encryption", "household")} == {"hidden"}
    made.service.remember()
    made.service = made.start()
    assert made.state()["finished"]


def test_a_recorder_that_began_here_stays_unfinished_though_it_has_owner_and_cameras(tmp_path: Path) -> None:
    made = Setup(tmp_path)
    made.service.remember()
    made.config.write_text(TEXT + CAMERA)
    made.settings, made.facts = read_settings(made.config), SetupFacts(has_owner=True)
    made.service = made.start()
    assert not made.state()["finished"]


@pytest.mark.parametrize("text", ["", "[]", '{"steps": {"storage": "who knows", "moon": "done"}, "cards": 4}', "\0"])
def test_a_damaged_file_begins_again(tmp_path: Path, text: str) -> None:
    (tmp_path / "setup.json").write_text(text)
    assert Setup(tmp_path).state()["steps"] == OPEN


def test_settings_without_a_file_ask_for_nothing(tmp_path: Path) -> None:
    made = Setup(tmp_path)
    now = made.start(in_file=False).now()
    assert now.finished
    assert set(map(str, now.cards.values())) == {"hidden"}


def test_offers_are_done_hidden_or_open(tmp_path: Path) -> None:
    made = Setup(tmp_path)
    assert [made.state()[card] for card in ("service", "detection", "household")] == ["open", "open", "hidden"]
    made.service.put_card(SetupCard.DETECTION, hidden=True)
    assert made.state()["detection"] == "hidden"
    made.facts = SetupFacts(has_owner=True, has_model=True, people=2)
    assert [made.state()[card] for card in ("detection", "household")] == ["done", "done"]
    made.settings = read_settings(made.config).model_copy(
        update={"web": made.settings.web.model_copy(update={"public_url": "https://cam.example.org"})}
    )
    made.facts = SetupFacts(has_owner=True)
    assert made.state()["household"] == "open"


async def test_owners_see_and_change_the_state(house: House, setup: Setup) -> None:
    browser = house.signed_in()
    now = (await browser.get("/api/v1/setup")).json()
    assert [one["id"] for one in now["steps"]] == list(OPEN)
    assert now["addresses"] == ["http://192.168.1.5:8000"]
    assert (now["service_command"], now["name"], now["hidden"]) == (COMMAND, "garage-pi", False)
    assert now["clock"]["now_ms"] == house.clock.now_ms()
    now = (await browser.put("/api/v1/setup/steps/outside", json={"state": "skipped"})).json()
    assert now["steps"][4] == {"id": "outside", "state": "skipped"}
    now = (await browser.put("/api/v1/setup/cards/encryption", json={"state": "hidden"})).json()
    assert {"id": "encryption", "state": "hidden"} in now["cards"]
    now = (await browser.put("/api/v1/setup", json={"hidden": True, "finished": True})).json()
    assert (now["hidden"], now["finished"]) == (True, True)
    assert json.loads((setup.folder / "setup.json").read_text())["steps"] == {"outside": "skipped"}


async def test_a_name_is_written_into_the_settings_and_keeps_comments(house: House, setup: Setup) -> None:
    answer = await house.signed_in().put("/api/v1/setup", json={"name": " Cabin "})
    assert answer.status_code == 200
    assert setup.config.read_text() == TEXT + 'name = "Cabin"\n'
    house.site.apply(setup.settings.web.model_copy(update={"hosts": ("tawny.test",)}))
    assert (await house.browser().get("/api/v1/session")).json()["recorder"] == "Cabin"


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/api/v1/setup/steps/moon", {"state": "done"}),
        ("/api/v1/setup/steps/cameras", {"state": "perhaps"}),
        ("/api/v1/setup/steps/account", {"state": "skipped"}),
        ("/api/v1/setup/cards/detection", {"state": "done"}),
        ("/api/v1/setup", {"name": "x" * 61}),
        ("/api/v1/setup", {"name": "a\u202eb"}),
    ],
)
async def test_bad_input_changes_nothing(house: House, setup: Setup, path: str, body: dict[str, str]) -> None:
    answer = await house.signed_in().put(path, json=body)
    assert answer.status_code in (400, 422)
    assert answer.json()["message"]
    assert (setup.config.read_text(), (setup.folder / "setup.json").exists()) == (TEXT, False)


async def test_only_owners(house: House, setup: Setup) -> None:
    assert (await house.signed_in(Role.MEMBER).get("/api/v1/setup")).status_code == 403
    assert (await house.browser().get("/api/v1/setup")).status_code == 401


# Before there is an owner.


@contextmanager
def stranger(house: House, address: str = "192.168.1.77") -> Iterator[httpx.AsyncClient]:
    """A browser on another computer of the network of a new recorder."""
    house.site.owner.has_owner = False
    transport = httpx.ASGITransport(house.app, raise_app_exceptions=False, client=(address, 4711))
    yield httpx.AsyncClient(transport=transport, base_url=ORIGIN, headers=OURS)


@pytest.mark.parametrize("path", ["/", "/live/x", "/healthz", "/metrics", "/api/v1/cameras", "/api/v1/openapi.json"])
async def test_without_an_owner_others_get_nothing(house: House, path: str) -> None:
    with stranger(house) as browser:
        answer = await browser.get(path)
        assert (answer.status_code, answer.json()["code"]) == (403, "not_set_up")
        assert "tawny setup-link" in answer.json()["hint"]
        page = await browser.get(path, headers={"Accept": "text/html"})
        assert (page.status_code, "tawny setup-link" in page.text) == (403, True)
        house.accounts.put_person("Anna", Role.OWNER)
        assert (await browser.get(path)).status_code != 403 or path == "/metrics"


async def test_a_viewer_alone_opens_nothing(house: House) -> None:
    ben = house.signed_in(Role.VIEWER)
    with stranger(house) as browser:
        browser.cookies = ben.cookies
        assert (await browser.get("/api/v1/cameras")).json()["code"] == "not_set_up"


async def test_the_setup_page_has_what_it_needs(house: House) -> None:
    with stranger(house) as browser:
        assert (await browser.get("/setup")).status_code == 503  # the interface isn't built in this test
        assert (await browser.get("/api/v1/session")).json()["state"] == "setup"
        wrong = {"token": "x" * 43, "name": "Anna", "password": "correct horse battery"}
        assert (await browser.post("/api/v1/setup/claim", json=wrong)).status_code == 410


@pytest.mark.parametrize("header", ["X-Forwarded-For", "Forwarded", "Via"])
async def test_behind_a_proxy_of_this_computer_it_is_another_computer(house: House, header: str) -> None:
    with stranger(house, "127.0.0.1") as browser:
        assert (await browser.get("/api/v1/cameras")).status_code == 401
        refused = await browser.get("/api/v1/cameras", headers={header: "for=192.168.1.9"})
        assert refused.json()["code"] == "not_set_up"


async def test_wrong_links_must_wait_and_the_right_one_never_does(house: House) -> None:
    right = house.accounts.new_token(TokenPurpose.CLAIM)

    def asked(token: str) -> dict[str, str]:
        return {"token": token, "name": "Anna", "password": "correct horse battery"}

    with stranger(house) as browser:
        codes = [(await browser.post("/api/v1/setup/claim", json=asked("x" * 43))).status_code for _ in range(7)]
        assert codes == [410] * 5 + [429] * 2
        assert (await browser.post("/api/v1/setup/claim", json=asked(right))).status_code == 200
        assert (await browser.post("/api/v1/setup/claim", json=asked(right))).status_code in (410, 429)
        assert (await browser.get("/api/v1/setup")).status_code == 404  # no longer "not set up"
    found = {(one.person, one.address) for one in house.accounts.audit() if one.action == SIGN_IN_FAILED}
    assert found == {("setup link", "192.168.1.77")}


async def test_only_who_has_the_link_may_send_a_backup(house: House, tmp_path: Path) -> None:
    house.site.backup = BackupService(tmp_path, tmp_path / "tawny.toml", "garage", house.clock)
    right = house.accounts.new_token(TokenPurpose.CLAIM)
    path, body = "/api/v1/setup/restore/file", b"x" * 1000
    with stranger(house) as browser:
        for missing in ({}, {"X-Setup-Token": ""}):
            assert (await browser.post(path, content=body, headers=missing)).status_code == 422
        for wrong in ("x" * 43, right[:-1], right + "x", right.upper()):
            assert (await browser.post(path, content=body, headers={"X-Setup-Token": wrong})).status_code == 410
        asked = {"token": "x" * 43, "passphrase": "river-candle-otter-amber"}
        assert (await browser.post("/api/v1/setup/restore", json=asked)).status_code == 410
        late = await browser.post(path, content=body, headers={"X-Setup-Token": "y" * 43})
        assert late.status_code == 429, "as with every wrong link"
        assert list(tmp_path.iterdir()) == [], "and not a byte was kept"
        assert (await browser.post(path, content=body, headers={"X-Setup-Token": right})).status_code == 200


async def test_a_recorder_with_an_owner_is_not_restored_by_a_link(house: House, tmp_path: Path) -> None:
    house.site.backup = BackupService(tmp_path, tmp_path / "tawny.toml", "garage", house.clock)
    house.signed_in(Role.OWNER)
    token = house.accounts.new_token(TokenPurpose.CLAIM)
    asked = {"token": token, "passphrase": "river-candle-otter-amber"}
    browser = house.browser()
    sent = await browser.post("/api/v1/setup/restore/file", content=b"x", headers={"X-Setup-Token": token})
    for answer in (sent, await browser.post("/api/v1/setup/restore", json=asked)):
        assert (answer.status_code, answer.json()["code"]) == (409, "has_owner")
    assert list(tmp_path.iterdir()) == []


async def test_a_link_is_void_after_half_an_hour(house: House) -> None:
    token = house.accounts.new_token(TokenPurpose.CLAIM)
    house.clock.advance(30 * 60 + 1)
    with stranger(house) as browser:
        asked = {"token": token, "name": "Anna", "password": "correct horse battery"}
        assert (await browser.post("/api/v1/setup/claim", json=asked)).status_code == 410
        assert (await browser.get("/")).status_code == 403


# The disks.


class Storing:
    """`StorageChoiceService` that records what it is asked."""

    def __init__(self) -> None:
        disk = DiskChoice("/mnt/x/tawny", "/mnt/x", "usb-stick", "Flash", 64, 32, False, "Wears out.", "", "", 7.5)
        self.state = StorageChoices("/first", "", (disk,), 8.0, True, 5_000_000_000, 14.0, 90.0, None, "")
        self.asked: list[dict[str, object]] = []
        self.fails: TawnyError | None = None

    def now(self) -> StorageChoices:
        return self.state

    def change(self, **asked: object) -> bool:
        if self.fails is not None:
            raise self.fails
        self.asked.append(asked)
        return asked["path"] is not None


@pytest.fixture
def storing(house: House, setup: Setup) -> Storing:
    made = Storing()
    house.site.storing = cast(StorageChoiceService, made)
    return made


async def test_owners_see_disks_and_choose_one(house: House, setup: Setup, storing: Storing) -> None:
    browser = house.signed_in()
    now = (await browser.get("/api/v1/setup/storage")).json()
    assert (now["day_bytes"], now["recorded_bytes"], now["can_restart"]) == (8.0, 5_000_000_000, False)
    assert now["disks"][0] == {
        "path": "/mnt/x/tawny", "mount": "/mnt/x", "kind": "usb-stick", "model": "Flash", "total_bytes": 64,
        "free_bytes": 32, "current": False, "advice": "Wears out.", "problem": "", "fix": "", "fits_days": 7.5,
    }  # fmt: skip
    wanted = {"path": "/mnt/x/tawny", "days": 30}
    refused = await browser.put("/api/v1/setup/storage", json=wanted)
    assert (refused.status_code, refused.json()["code"]) == (409, "recordings_stay")
    assert "5 GB" in refused.json()["message"]
    assert storing.asked == []
    assert (await browser.put("/api/v1/setup/storage", json=wanted | {"leave": True})).json()["restart"]
    assert storing.asked == [{"path": "/mnt/x/tawny", "days": 30.0, "size": None}]
    assert setup.state()["steps"]["storage"] == "done"


async def test_confirming_what_is_makes_the_step_done(house: House, setup: Setup, storing: Storing) -> None:
    assert not (await house.signed_in().put("/api/v1/setup/storage", json={})).json()["restart"]
    assert setup.state()["steps"]["storage"] == "done"


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (NotDone("Has other files.", "Choose another."), 400),
        (SettingsError("your input", (Problem("path", "x", "a folder"),)), 400),
        (FolderUnwritable("/mnt", "denied"), 409),
    ],
)
async def test_a_refused_choice_says_why(
    house: House, setup: Setup, storing: Storing, error: TawnyError, status: int
) -> None:
    storing.fails = error
    answer = await house.signed_in().put("/api/v1/setup/storage", json={"days": 30})
    assert (answer.status_code, bool(answer.json()["hint"])) == (status, True)
    assert setup.state()["steps"]["storage"] == "open"


async def test_a_new_start_is_for_owners_where_it_works(house: House) -> None:
    browser = house.signed_in()
    assert (await browser.post("/api/v1/restart")).status_code == 404
    asked: list[str] = []
    house.site.can_restart = True
    house.site.restart = lambda: asked.append("now")
    assert (await house.signed_in(Role.MEMBER).post("/api/v1/restart")).status_code == 403
    assert (await browser.post("/api/v1/restart")).status_code == 200
    assert asked == ["now"]
    assert "restart" in [one.action for one in house.accounts.audit()]
