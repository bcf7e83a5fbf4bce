"""`tawny user` and `tawny tokens`: who may come in is said from the command line, and holds at once."""

import asyncio
import io
import json
import stat
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pyotp
import pytest

from tawny.api.auth.accounts import Accounts, Caller, LoginSession, Role
from tawny.api.auth.accounts_file import AccountsFile
from tawny.api.auth.identities import Identities
from tawny.api.auth.passes import Passes
from tawny.api.auth.passwords import Passwords
from tawny.api.auth.two_step import TwoStep
from tawny.engine import Bus
from tawny.model.ids import CameraId
from tawny.model.times import SystemClock, utc_text
from tawny.testing.clock import FakeClock
from tests.cli.conftest import Tawny, answering


@pytest.fixture
def folder(recorded: Path) -> Iterator[Path]:
    """With one owner."""
    file = AccountsFile(recorded / "accounts.db")
    accounts, passes = Accounts(file, FakeClock()), Passes(file, FakeClock())
    accounts.put_person("Anna", Role.OWNER)
    yield recorded
    with file.writing() as db:
        db.execute("DELETE FROM people")
    for one in passes.all():
        passes.take_back(one.id)
    file.close()


def told(tawny: Tawny, folder: Path, *words: str) -> Any:
    result = tawny(*words, "--data", str(folder), "--json")
    assert result.code == 0, result.err
    return json.loads(result.out)


def test_a_viewer_is_added_with_the_cameras_to_see_and_a_link(tawny: Tawny, folder: Path) -> None:
    ben = told(tawny, folder, "user", "add", "Ben", "--cameras", "porch,back-yard")
    assert (ben["role"], ben["cameras"]) == ("viewer", ["back-yard", "porch"])
    assert "/sign-in#link=" in ben["link"]
    listed = told(tawny, folder, "user", "list")["people"]
    assert [(one["name"], one["role"]) for one in listed] == [("Anna", "owner"), ("Ben", "viewer")]


def test_no_user_is_added_with_the_name_of_another_in_other_characters(tawny: Tawny, folder: Path) -> None:
    told(tawny, folder, "user", "add", "Zo\N{LATIN SMALL LETTER E WITH DIAERESIS}")
    again = tawny("user", "add", "Zoe\N{COMBINING DIAERESIS}", "--data", str(folder))
    assert (again.code, "already exists" in again.err) == (3, True)


def test_no_user_is_added_whom_the_proxy_would_not_mean(tawny: Tawny, folder: Path, tmp_path: Path) -> None:
    """Carl would be the sitter there, as soon as their link ends."""
    (tmp_path / "tawny.toml").write_text('[web]\nproxies = ["192.168.1.2"]\n[sign_in]\nproxy_header = "Remote-User"\n')
    told(tawny, folder, "user", "add", "Sitter")
    with closing(AccountsFile(folder / "accounts.db")) as file:
        accounts, identities = Accounts(file, FakeClock()), Identities(file, FakeClock())
        identities.link(next(one for one in accounts.people() if one.name == "Sitter"), "carl")
        refused = tawny("user", "add", "Carl", "--role", "owner", "--data", str(folder))
    assert (refused.code, "is linked to another user" in refused.err) == (3, True)
    assert "Add Carl under Settings, People, with their name there." in refused.err
    assert {one["name"] for one in told(tawny, folder, "user", "list")["people"]} == {"Anna", "Sitter"}


def test_a_guest_has_an_end_that_can_be_moved(tawny: Tawny, folder: Path) -> None:
    sitter = told(tawny, folder, "user", "add", "Sitter", "--role", "guest", "--for", "3 days")
    assert (sitter["role"], sitter["ends"] > utc_text(SystemClock().now_ms())) == ("guest", True)
    ended = told(tawny, folder, "user", "change", "Sitter", "--for", "0 s")
    assert ended["ends"] <= utc_text(SystemClock().now_ms())
    assert told(tawny, folder, "user", "change", "Sitter", "--role", "viewer")["ends"] is None


def typed(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    """This is on standard input, which is no terminal."""
    monkeypatch.setattr("sys.stdin", io.StringIO(text))


@pytest.mark.shows("PK8")
def test_a_password_is_set_from_standard_input(tawny: Tawny, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    typed(monkeypatch, "correct horse battery\nmore\n")
    assert told(tawny, folder, "user", "password", "anna")["name"] == "Anna"
    file = AccountsFile(folder / "accounts.db")
    accounts = Accounts(file, SystemClock())
    assert ("", "password set", "Anna") in [(one.person, one.action, one.detail) for one in accounts.audit()]
    found = accounts.find("Anna")
    assert found is not None and found[1].startswith("$argon2id$")
    assert asyncio.run(Passwords().matches(found[1], "correct horse battery"))
    assert stat.S_IMODE((folder / "accounts.db").stat().st_mode) == 0o600
    file.close()


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [("Anna", "short", "too weak"), ("Anna", "", "too weak"), ("Nobody", "correct horse battery", "No user named")],
)
def test_a_password_that_cannot_be_set_changes_nothing(
    tawny: Tawny, folder: Path, monkeypatch: pytest.MonkeyPatch, name: str, text: str, words: str
) -> None:
    typed(monkeypatch, text)
    result = tawny("user", "password", name, "--data", str(folder))
    assert result.code != 0 and words in result.err
    assert [one["name"] for one in told(tawny, folder, "user", "list")["people"]] == ["Anna"]


def test_the_first_user_with_a_password_is_the_owner(
    tawny: Tawny, recorded: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    typed(monkeypatch, "correct horse battery")
    assert told(tawny, recorded, "user", "password", "Ben")["role"] == "owner"
    with closing(AccountsFile(recorded / "accounts.db")) as file, file.writing() as db:
        db.execute("DELETE FROM people")


def test_two_step_codes_are_turned_off(tawny: Tawny, folder: Path) -> None:
    file = AccountsFile(folder / "accounts.db")
    accounts, two_step = Accounts(file, SystemClock()), TwoStep(file, SystemClock())
    found = accounts.find("Anna")
    assert found
    session = LoginSession(found[0], b"key", 0)
    secret = two_step.offer(session)
    assert two_step.confirm(session, pyotp.TOTP(secret).now())
    assert told(tawny, folder, "user", "totp", "anna")["two_step"] is True
    assert told(tawny, folder, "user", "totp", "Anna", "--off")["two_step"] is False
    assert two_step.state(found[0]) is None
    assert told(tawny, folder, "user", "totp", "Anna", "--off")["two_step"] is False
    noted = [(one.person, one.detail) for one in accounts.audit() if one.action == "two-step codes turned off"]
    assert noted == [("", "Anna")], "once, where they were on, and not as done by her"
    with file.writing() as db:
        db.execute("DELETE FROM audit")  # the folder is that of all tests
    file.close()


def test_a_screen_gets_a_short_link_and_stays_one(tawny: Tawny, folder: Path) -> None:
    result = tawny("user", "add", "Kitchen", "--role", "screen", "--data", str(folder))
    assert "expires in 15 minutes. Only the newest link works." in result.out, (
        "of a new user, there are no earlier ones"
    )
    assert tawny("user", "change", "Kitchen", "--role", "owner", "--data", str(folder)).code == 2


def test_a_camera_that_is_not_there_is_told(tawny: Tawny, folder: Path) -> None:
    result = tawny("user", "add", "Ben", "--cameras", "door,yard", "--data", str(folder))
    assert result.code == 0
    assert result.err == "No camera named yard yet. Available: door.\n"


@pytest.mark.parametrize(
    ("words", "key"),
    [(("user", "add", "Ben"), "link"), (("setup-link",), "link"), (("tokens", "create", "TV"), "mjpeg")],
)
def test_links_are_where_the_recorder_listens(words: tuple[str, ...], key: str, tawny: Tawny, folder: Path) -> None:
    with answering(folder, Bus(), {"where": lambda _: {"address": "http://127.0.0.1:8017"}}):
        assert told(tawny, folder, *words)[key].startswith("http://127.0.0.1:8017/")


def test_links_are_at_the_address_that_the_settings_name(tawny: Tawny, folder: Path, tmp_path: Path) -> None:
    (tmp_path / "tawny.toml").write_text('[web]\npublic_url = "https://cam.example.org"\n')
    assert told(tawny, folder, "setup-link")["link"].startswith("https://cam.example.org/setup#token=")
    brought = told(tawny, folder, "tokens", "create", "Cabin", "--upload-quota", "5 GB")["url"]
    assert brought.startswith("tawny://:") and brought.endswith("@cam.example.org/")


def test_what_is_seen_changes(tawny: Tawny, folder: Path) -> None:
    told(tawny, folder, "user", "add", "Ben", "--cameras", "porch")
    assert told(tawny, folder, "user", "change", "ben", "--cameras", "all")["cameras"] is None
    assert told(tawny, folder, "user", "change", "Ben", "--role", "owner")["role"] == "owner"


def test_an_owner_sees_all_cameras_and_still_does_as_a_viewer(tawny: Tawny, folder: Path) -> None:
    told(tawny, folder, "user", "add", "Bea", "--cameras", "porch")
    changed = [told(tawny, folder, "user", "change", "Bea", "--role", role)["cameras"] for role in ("owner", "viewer")]
    assert changed == [None, None]
    log = told(tawny, folder, "user", "log")["items"]
    assert [one["detail"] for one in log if one["detail"].startswith("Bea: ")][-2:] == [
        "Bea: viewer -> owner, sees porch -> all cameras",
        "Bea: owner -> viewer, sees all cameras",
    ]


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (("user", "add", "G", "--role", "guest"), 2, "A guest needs an end."),
        (("user", "add", "V", "--for", "1 day"), 2, "only guests have an end"),
        (("user", "totp", "Nobody"), 3, "No user named Nobody."),
        (("user", "add"), 2, "requires a name"),
        (("user", "add", "anna"), 3, "already"),
        (("user", "add", "Ben", "--cameras", "../etc"), 2, "'../etc' isn't a valid camera ID"),
        (("user", "remove", "Anna"), 3, "only owner"),
        (("user", "change", "Anna", "--cameras", "door"), 2, "owners see all cameras"),
        (("user", "add", "Eve", "--role", "owner", "--cameras", "door"), 2, "owners see all cameras"),
        (("user", "change", "Anna", "--role", "viewer"), 3, "only owner"),
        (("user", "remove", "Eve"), 3, "No user named Eve"),
        (("tokens", "revoke", "tv-1"), 3, "No access token tv-1"),
        (("tokens", "create", "TV", "--for", "soon"), 2, "'soon' is invalid"),
        (("tokens", "create", "TV", "--cameras", "nosuch"), 2, "no camera named nosuch. Available: door"),
        (("tokens", "create", "T\u202eV"), 2, "marks for the direction of writing"),
        (("user", "add", "B\u2066en"), 2, "marks for the direction of writing"),
        (("tokens", "create", "Anna", "--upload-quota", "much"), 2, "'much' is invalid"),
        (("tokens", "create", "Anna", "--upload-quota", "5 GB", "--cameras", "door"), 2, "either upload or view"),
        (("user", "add", "bob", "--role", "guest", "--for", "99999999999 days"), 2, "'99999999999 days' is too long"),
        (("user", "add", "bob", "--role", "guest", "--for", f"{'9' * 400} days"), 2, "use a shorter time"),
        (("tokens", "create", "TV", "--for", "99999999999 days"), 2, "'99999999999 days' is too long"),
        (("tokens", "create", "y", "--keep", "3 days"), 2, "only with --upload-quota"),
        (("tokens", "create", "y", "--upload-quota", "5 GB", "--keep", "long"), 2, "--keep: 'long' is invalid"),
        (("tokens", "create", "y", "--upload-quota", "9999999999999 TB"), 2, "use a smaller size"),
        (("tokens", "create", "y", "--upload-quota", f"{'9' * 400} TB"), 2, "use a smaller size"),
    ],
)
def test_what_cannot_be_done_is_said(tawny: Tawny, folder: Path, words: tuple[str, ...], code: int, says: str) -> None:
    result = tawny(*words, "--data", str(folder))
    assert (result.code, says in result.err) == (code, True), result.err
    assert [one["name"] for one in told(tawny, folder, "user", "list")["people"]] == ["Anna"]
    assert told(tawny, folder, "tokens", "list")["passes"] == []


def test_an_ended_guest_gets_no_new_link(tawny: Tawny, folder: Path) -> None:
    told(tawny, folder, "user", "add", "Anna G", "--role", "guest", "--for", "0 s")
    result = tawny("user", "link", "anna g", "--data", str(folder))
    assert (result.code, "The access of Anna G has ended." in result.err) == (3, True)
    assert "`tawny user change 'Anna G' --for" in " ".join(result.err.split()), "a name of several words is one"
    told(tawny, folder, "user", "change", "Anna G", "--for", "1 day")
    assert "link" in told(tawny, folder, "user", "link", "Anna G")


def test_ends_that_no_date_can_have_are_listed(tawny: Tawny, folder: Path) -> None:
    """An earlier version stored them."""
    for ends_ms in (8_640_001_795_772_026_331, 300_000_000_000_000):
        file = AccountsFile(folder / "accounts.db")
        Passes(file, FakeClock()).make("TV", ends_ms=ends_ms)
        accounts = Accounts(file, FakeClock())
        guest = accounts.put_person(f"Guest {ends_ms}", Role.GUEST)
        accounts.change_person(guest, Role.GUEST, None, ends_ms)
        file.close()
    for table in ("user", "tokens"):
        assert "9999-12-3" in tawny(table, "list", "--data", str(folder)).out
        assert "9999-12-3" in tawny(table, "list", "--data", str(folder), "--json").out


def test_a_pass_is_made_shown_once_and_taken_back(tawny: Tawny, folder: Path) -> None:
    made = told(tawny, folder, "tokens", "create", "Kitchen TV", "--cameras", "door", "--for", "7 days")
    assert made["secret"] in made["mjpeg"]
    listed = tawny("tokens", "list", "--data", str(folder))
    assert made["id"] in listed.out
    assert made["secret"] not in listed.out
    file = AccountsFile(folder / "accounts.db")
    person = Passes(file, FakeClock()).person(made["id"])
    file.close()
    assert person
    assert person.may_see(CameraId("door"))
    told(tawny, folder, "tokens", "revoke", made["id"])
    assert told(tawny, folder, "tokens", "list")["passes"] == []


def test_how_to_have_rtsp_is_said(tawny: Tawny, folder: Path) -> None:
    assert 'rtsp = "0.0.0.0:8554"' in tawny("tokens", "create", "TV", "--data", str(folder)).out


def test_an_rtsp_address_is_one_that_other_devices_can_open(
    tawny: Tawny, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TAWNY_HOST_NAME", "garage")
    file = tmp_path / "tawny.toml"
    file.write_text('[web]\nrtsp = "0.0.0.0:8554"\n')
    made = told(tawny, folder, "tokens", "create", "TV", "--cameras", "door", "--config", str(file))
    assert made["rtsp"] == f"rtsp://{made['id']}:{made['secret']}@garage.local:8554/door"


def test_a_pass_for_another_tawny_tells_its_address(tawny: Tawny, folder: Path) -> None:
    made = told(tawny, folder, "tokens", "create", "Anna's tawny", "--upload-quota", "50 GB")
    assert (made["brings_bytes"], made["cameras"]) == (50_000_000_000, [])
    assert made["url"] == f"tawny+http://:{made['secret']}@127.0.0.1:8000/"
    assert "upload 50 GB  " in tawny("tokens", "list", "--data", str(folder)).out


def test_a_token_that_only_adds_files_has_a_time(tawny: Tawny, folder: Path) -> None:
    words = ("tokens", "create", "Cabin", "--upload-quota", "50 GB", "--keep", "30 days")
    assert told(tawny, folder, *words)["keeps_ms"] == 30 * 86_400_000
    assert "upload 50 GB, only add files" in tawny("tokens", "list", "--data", str(folder)).out


def test_what_is_changed_from_the_terminal_is_in_the_audit_log(tawny: Tawny, folder: Path) -> None:
    begun = ("--since", utc_text(SystemClock().now_ms()))
    changed = ("change", "Carl", "--role", "member", "--cameras", "all")
    for words in (("add", "Carl", "--cameras", "door"), changed, ("link", "Carl"), ("remove", "Carl")):
        assert tawny("user", *words, "--data", str(folder)).code == 0
    token = told(tawny, folder, "tokens", "create", "tv")["id"]
    assert tawny("tokens", "revoke", token, "--data", str(folder)).code == 0
    assert tawny("setup-link", "--data", str(folder)).code == 0
    items = told(tawny, folder, "user", "log", *begun)["items"]
    assert {one["address"] for one in items} == {"this computer"}
    assert [(one["action"], one["detail"]) for one in items] == [
        ("user added", "Carl: viewer, sees door"), ("sign-in link created", "Carl"),
        ("user changed", "Carl: viewer -> member, sees door -> all cameras"), ("sign-in link created", "Carl"),
        ("user removed", "Carl"), ("access token created", "tv: all cameras"), ("access token revoked", token),
        ("setup link created", ""),
    ]  # fmt: skip


def test_the_audit_log_is_printed(tawny: Tawny, folder: Path) -> None:
    clock = FakeClock("2026-11-20T05:00:00Z")
    file = AccountsFile(folder / "accounts.db")
    accounts = Accounts(file, clock)
    with file.writing() as db:
        db.execute("DELETE FROM audit")  # the folder is that of all tests
    accounts.note("user added", "Anna", Caller("192.168.1.7"), "Ben")
    clock.advance(3600)
    accounts.counts.count("sign-in refused", "ben", "203.0.113.9")
    accounts.counts.flush()
    file.close()
    since = ("--since", "2026-11-20T00:00:00Z")
    items = told(tawny, folder, "user", "log", *since)["items"]
    assert [(one["time"], one["person"], one["action"]) for one in items] == [
        ("2026-11-20T05:00:00.000Z", "Anna", "user added"),
        ("2026-11-20T06:00:00.000Z", "ben", "sign-in refused"),
    ]
    assert (items[0]["detail"], items[0]["address"]) == ("Ben", "192.168.1.7")
    assert [one["person"] for one in told(tawny, folder, "user", "log", "Ben", *since)["items"]] == ["ben"]
    later = told(tawny, folder, "user", "log", "--since", "2026-11-20T05:30:00Z")["items"]
    assert [one["person"] for one in later] == ["ben"]
    result = tawny("user", "log", *since, "--data", str(folder))
    assert result.out.splitlines()[0].split() == ["TIME", "WHO", "WHAT", "DETAIL", "FROM"]
    assert "Anna" in result.out
    assert "203.0.113.9" in result.out
    assert tawny("user", "log", "nobody", "--data", str(folder)).out == "No entries.\n"
    wrong = tawny("user", "log", "--since", "whenever", "--data", str(folder))
    assert wrong.code == 2
    assert "isn't a valid time" in wrong.err
