"""Attacks with names at the reverse proxy: of linked, removed and equally named users, and of links that change."""

import sqlite3
import unicodedata
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import httpx
import pytest
from starlette.requests import Request

from tawny.api.auth.access import SECURE_COOKIE, has_ended
from tawny.api.auth.accounts import RECENT_MS, Caller, Role, TokenPurpose
from tawny.api.auth.accounts_file import AccountsFile
from tawny.api.auth.identities import IdentityRefusal
from tawny.api.auth.linked_names import BY_PHONE, BY_PROVIDER, BY_PROXY
from tawny.api.auth.oidc import ProviderUser
from tawny.api.auth.ways_in import Elsewhere
from tawny.api.request_handling import PROXY_USER
from tawny.config.settings import WebSettings
from tawny.config.sign_in import SignInSettings
from tests.api.authenticator import SoftwareKey
from tests.api.fakes import House, make_house
from tests.attacks.sign_in_steps import (
    PROXY,
    SIGN_IN,
    add_passkey,
    browser,
    code_of,
    person,
    proxied,
    signed_in,
    use_passkey,
    user_of,
    with_proxy,
)

PEOPLE = "/api/v1/people"


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    made = make_house(tmp_path)
    with_proxy(made)
    yield made
    made.accounts.close()


def named(house: House, name: str) -> str:
    """Whom a proxy means by a name that may not be ASCII."""
    found = house.site.identities.named(name)
    return found.name if found else ""


async def by_proxy(house: House, name: str) -> httpx.AsyncClient:
    """A browser that the proxy has signed in."""
    client = browser(house, address=PROXY, **{"Remote-User": name})
    assert (await client.post(f"{SIGN_IN}/proxy", json={})).status_code == 200
    return client


def by_provider(house: House, name: str) -> object:
    user = ProviderUser("https://id.example.org", f"id of {name}", name, (name,), frozenset())
    return house.site.identities.sign_in(
        user, None, lambda *_: None, needs_group=False, may_create=True, by_proxy=bool(house.site.proxy_header)
    )


def refusal(answer: httpx.Response) -> tuple[int, str, str]:
    """Status, code and words of an answer."""
    return answer.status_code, code_of(answer), f"{answer.json()['message']} {answer.json()['hint']}"


# --- links that the provider binds -----------------------------------------------------------------------------------


async def test_a_sign_in_at_the_provider_changes_nothing_about_names_at_the_proxy(house: House) -> None:
    """`keller` at the proxy is another person, for whom the owner has linked the user Keller."""
    house.site.identities.link(await person(house, "Keller"), "anna")
    before = [await proxied(house, name) for name in ("keller", "anna")]
    by_provider(house, "anna")
    assert [await proxied(house, name) for name in ("keller", "anna")] == before == ["", "Keller"]


async def test_whom_the_provider_has_created_is_found_at_the_proxy(house: House) -> None:
    by_provider(house, "Anna")
    assert await proxied(house, "anna") == "Anna"


@pytest.mark.parametrize("name", ["Anna\u202e", "An\nna", "\u200fAnna"])
async def test_no_user_is_created_or_linked_whose_name_is_not_shown_as_it_is(house: House, name: str) -> None:
    anna = await person(house)
    assert by_provider(house, name) is IdentityRefusal.UNKNOWN
    answer = await signed_in(house, anna).patch(f"{PEOPLE}/{anna.id}", json={"role": "owner", "linked": name})
    assert (answer.status_code, house.site.identities.all()) == (422, {})


# --- who is removed --------------------------------------------------------------------------------------------------


async def test_the_provider_creates_no_user_with_the_linked_name_of_a_removed_one(house: House) -> None:
    ben = await person(house, "Ben")
    house.site.identities.link(ben, "robert")
    await person(house)
    house.accounts.remove_person(ben)
    assert by_provider(house, "Robert") is IdentityRefusal.TAKEN
    assert await proxied(house, "robert") == ""


@pytest.mark.parametrize("name", ["Anna", "Strauß", "Νίκος", "Straße"])
async def test_a_removed_user_with_a_link_to_their_own_name_can_come_back(house: House, name: str) -> None:
    await person(house, "Olga")
    former = house.accounts.put_person(name, Role.VIEWER)
    house.site.identities.link(former, name)
    house.accounts.remove_person(former)
    house.accounts.put_person(name, Role.VIEWER)
    assert named(house, name) == name


async def test_a_linked_name_that_only_folds_like_the_own_one_is_kept_back(house: House) -> None:
    await person(house, "Olga")
    former = house.accounts.put_person("Strauß", Role.VIEWER)
    house.site.identities.link(former, "strauss")
    house.accounts.remove_person(former)
    house.accounts.put_person("Strauss", Role.OWNER)
    assert named(house, "strauss") == ""


async def test_a_name_that_an_earlier_version_kept_from_a_changed_link_is_free(house: House) -> None:
    anna, ben = await person(house), await person(house, "Ben")
    with house.accounts.file.writing() as db:
        db.execute("INSERT INTO former_links VALUES ('anna', ?)", (ben.id,))
    assert await proxied(house, "anna") == anna.name
    house.accounts.remove_person(ben)
    assert await proxied(house, "anna") == anna.name


# --- links that change -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("link", "is_signed_in"), [("", False), ("gina.k", False), ("SIT", True), ("gina", False)])
async def test_open_streams_end_when_the_link_changes(house: House, link: str, is_signed_in: bool) -> None:
    await person(house, "Olga")
    gina = house.accounts.put_person("Gina", Role.VIEWER)
    house.site.identities.link(gina, "sit")
    client = await by_proxy(house, "sit")
    session = house.accounts.session(client.cookies[SECURE_COOKIE])
    assert session
    house.site.identities.link(gina, link)
    assert (house.accounts.session_of(session.key) is not None) is is_signed_in, "which streams ask for"
    assert (await user_of(client) == "Gina") is is_signed_in


async def test_a_phone_of_who_had_the_wrong_name_is_signed_out_with_it(house: House) -> None:
    """Also by a link for a phone that is still unused; an owner who changes their own link stays signed in."""
    owner = signed_in(house, await person(house))
    ben = house.accounts.put_person("Ben", Role.MEMBER)
    await owner.patch(f"{PEOPLE}/{ben.id}", json={"role": "member", "linked": "mallory"})
    mallory = await by_proxy(house, "mallory")
    links = [(await mallory.post("/api/v1/me/phone", json={})).json()["link"].partition("link=")[2] for _ in "ab"]
    phone = browser(house)
    assert (await phone.post(f"{SIGN_IN}/link", json={"token": links[0]})).status_code == 200
    by_owner = signed_in(house, ben)
    provided = browser(house, house.accounts.begin_session(ben, Caller(""), BY_PROVIDER))
    await owner.patch(f"{PEOPLE}/{ben.id}", json={"role": "member", "linked": "ben"})
    assert [await user_of(one) for one in (mallory, phone, provided, by_owner)] == ["", "", "", "Ben"]
    assert (await browser(house).post(f"{SIGN_IN}/link", json={"token": links[1]})).status_code == 410


async def test_an_owner_who_changes_their_own_link_on_a_phone_stays_signed_in(house: House) -> None:
    anna = await person(house)
    phone = browser(house, house.accounts.begin_session(anna, Caller(""), BY_PHONE))
    for link in ("anna.s", "anna.k"):
        answer = await phone.patch(f"{PEOPLE}/{anna.id}", json={"role": "owner", "linked": link})
        assert (answer.status_code, await user_of(phone)) == (200, "Anna")


async def test_a_first_link_at_the_provider_signs_no_phone_out(tmp_path: Path) -> None:
    house = make_house(tmp_path)
    anna = await person(house)
    token = house.accounts.begin_session(anna, Caller(""), BY_PHONE)
    house.site.identities.link(anna, "anna@example.org", elsewhere=Elsewhere(by_provider=True))
    assert house.accounts.session(token)
    house.accounts.close()


async def test_an_owner_who_links_their_own_name_stays_signed_in(house: House) -> None:
    anna = await person(house)
    client = await by_proxy(house, "anna")
    for link in ("anna", ""):
        house.site.identities.link(anna, link)
        assert await user_of(client) == "Anna"


async def test_the_name_of_an_unlinked_user_is_given_to_no_other(house: House) -> None:
    """Else the one who has it could become that user, an owner even, as soon as the link ends."""
    anna = await person(house)
    owner = signed_in(house, anna)
    sitter = {"name": "Sitter", "role": "viewer"}
    why = (
        409,
        "name_of_another",
        "The name anna at the reverse proxy means Anna. Link Anna to their name there first.",
    )
    assert refusal(await owner.post(PEOPLE, json=sitter | {"linked": "anna"})) == why
    assert [one.name for one in house.accounts.people()] == ["Anna"]
    made = (await owner.post(PEOPLE, json=sitter)).json()["person"]["id"]
    assert refusal(await owner.patch(f"{PEOPLE}/{made}", json={"role": "viewer", "linked": "anna"})) == why
    assert (await owner.patch(f"{PEOPLE}/{anna.id}", json={"role": "owner", "linked": "a.schmidt"})).status_code == 200
    for link, shown in (("anna", "Sitter"), ("", "")):
        answer = await owner.patch(f"{PEOPLE}/{made}", json={"role": "viewer", "linked": link})
        assert (answer.status_code, await proxied(house, "anna")) == (200, shown)


async def test_a_user_whose_name_is_linked_to_another_needs_a_link(house: House) -> None:
    owner = signed_in(house, await person(house))
    await owner.post(PEOPLE, json={"name": "Sitter", "linked": "carl"})
    words = "The name Carl at the reverse proxy is linked to another user. Enter which name Carl has there."
    why = (409, "name_linked", words)
    assert refusal(await owner.post(PEOPLE, json={"name": "Carl"})) == why
    made = await owner.post(PEOPLE, json={"name": "Carl", "linked": "carl.k"})
    path = f"{PEOPLE}/{made.json()['person']['id']}"
    assert refusal(await owner.patch(path, json={"role": "viewer", "linked": ""})) == why
    assert (await owner.post(PEOPLE, json={"name": "Dora", "role": "screen"})).status_code == 200
    assert await proxied(house, "carl") == "Sitter"


async def test_names_at_a_provider_alone_need_no_other_link(house: House, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    other = make_house(tmp_path / "other")
    owner = other.signed_in()
    other.accounts.put_person("Anna", Role.VIEWER)
    for body in ({"name": "Sitter", "linked": "anna"}, {"name": "Ben", "linked": "carl"}, {"name": "Carl"}):
        assert (await owner.post(PEOPLE, json=body)).status_code == 200
    other.accounts.close()


@pytest.mark.parametrize("link", ["", "s.itter"])
async def test_a_link_that_ends_gives_its_name_to_no_other_user(house: House, link: str) -> None:
    """Carl was added by a setup link, which asks for no other name."""
    owner = signed_in(house, await person(house))
    made = (await owner.post(PEOPLE, json={"name": "Sitter", "linked": "carl"})).json()["person"]["id"]
    carl = house.accounts.claim(house.accounts.new_token(TokenPurpose.CLAIM), "Carl", "hash")
    assert carl
    change = {"role": "viewer", "linked": link}
    words = "The name carl at the reverse proxy would mean Carl then. Link Carl to another name there first."
    assert refusal(await owner.patch(f"{PEOPLE}/{made}", json=change)) == (409, "name_of_another", words)
    assert await proxied(house, "carl") == "Sitter"
    first = {"role": "owner", "linked": "carl.k"}
    assert (await owner.patch(f"{PEOPLE}/{carl.id}", json=first)).status_code == 200
    assert (await owner.patch(f"{PEOPLE}/{made}", json=change)).status_code == 200
    assert await proxied(house, "carl") == ""


async def test_a_setup_link_gives_a_bound_name_to_no_other_user(house: House) -> None:
    house.site.identities.link(await person(house, "Sitter"), "carl")
    by_provider(house, "carl")
    await person(house, "Carl")
    assert await proxied(house, "carl") == "Sitter"
    house.accounts.claim(house.accounts.new_token(TokenPurpose.CLAIM), "Sitter", "hash")
    assert await proxied(house, "carl") == ""


async def test_a_user_whose_name_was_linked_to_a_removed_one_needs_a_link(house: House) -> None:
    owner = signed_in(house, await person(house))
    made = (await owner.post(PEOPLE, json={"name": "Sitter", "linked": "carl"})).json()["person"]["id"]
    await owner.delete(f"{PEOPLE}/{made}")
    words = "The name Carl at the reverse proxy was linked to a removed user. Enter which name Carl has there."
    assert refusal(await owner.post(PEOPLE, json={"name": "Carl"})) == (409, "name_kept_back", words)
    assert (await owner.post(PEOPLE, json={"name": "Carl", "linked": "carl"})).status_code == 200
    assert await proxied(house, "carl") == "Carl"


async def test_a_link_that_another_takes_meanwhile_adds_no_user(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another owner gives the name away just before the new user is stored."""
    writing, meanwhile = AccountsFile.writing, list[Callable[[], object]]()

    def writing_later(file: AccountsFile) -> AbstractContextManager[sqlite3.Connection]:
        while meanwhile:
            meanwhile.pop()()
        return writing(file)

    monkeypatch.setattr(AccountsFile, "writing", writing_later)
    house = make_house(tmp_path)
    with_proxy(house)
    owner, sitter = signed_in(house, await person(house)), await person(house, "Sitter", Role.VIEWER)
    meanwhile.append(lambda: house.site.identities.link(sitter, "dora.d"))
    answer = await owner.post(PEOPLE, json={"name": "Dora", "linked": "dora.d"})
    assert (answer.status_code, code_of(answer)) == (409, "linked_already")
    assert {one.name for one in house.accounts.people()} == {"Anna", "Sitter"}
    meanwhile.append(lambda: house.site.identities.link(sitter, "carl"))
    assert code_of(await owner.post(PEOPLE, json={"name": "Carl"})) == "name_linked"
    house.accounts.close()


@pytest.mark.parametrize("link", ["", "anna.s"])
async def test_the_only_owner_keeps_the_name_that_signs_them_in(house: House, link: str) -> None:
    anna = house.accounts.put_person("Anna", Role.OWNER)
    house.site.identities.link(anna, link)
    name = link or "anna"
    client, path = await by_proxy(house, name), f"{PEOPLE}/{anna.id}"
    wrong, kept = {"role": "owner", "linked": "anna.schmitd"}, {"role": "owner", "linked": name.upper()}
    words = f"The name {name} may be the only way for an owner to sign in. Set a password first."
    assert refusal(await client.patch(path, json=wrong)) == (409, "only_way", words)
    assert (await client.patch(path, json=kept)).status_code == 200
    assert await user_of(client) == "Anna"


@pytest.mark.parametrize("way", ["password", "another's password", "another's name there"])
async def test_an_owner_changes_their_own_name_while_one_can_get_in(house: House, way: str) -> None:
    anna = house.accounts.put_person("Anna", Role.OWNER)
    client = await by_proxy(house, "anna")
    if way == "password":
        house.accounts.set_password(anna, "hash")
    elif way == "another's password":
        await person(house, "Ben")
    else:
        house.accounts.put_person("Ben", Role.OWNER)
        await by_proxy(house, "ben")
    answer = await client.patch(f"{PEOPLE}/{anna.id}", json={"role": "owner", "linked": "a.schmidt"})
    assert (answer.status_code, await proxied(house, "a.schmidt")) == (200, "Anna")


@pytest.mark.parametrize("other", ["", "Ben"])
async def test_a_session_alone_is_no_way_in(house: House, other: str) -> None:
    """Such as by an invitation: it ends, and no one else can make another."""
    anna = house.accounts.put_person("Anna", Role.OWNER)
    client = signed_in(house, anna)
    if other:
        signed_in(house, house.accounts.put_person(other, Role.OWNER))
    answer = await client.patch(f"{PEOPLE}/{anna.id}", json={"role": "owner", "linked": "anna.schmitd"})
    assert (answer.status_code, code_of(answer)) == (409, "only_way")


async def test_of_two_owners_by_the_proxy_one_keeps_the_name(house: House) -> None:
    clients = {}
    for name in ("anna", "ben"):
        person_id = house.accounts.put_person(name.title(), Role.OWNER).id
        clients[f"{PEOPLE}/{person_id}"] = await by_proxy(house, name)
    answers = [
        await client.patch(path, json={"role": "owner", "linked": f"{number}.wrong"})
        for number, (path, client) in enumerate(clients.items())
    ]
    assert [one.status_code for one in answers] == [200, 409]


async def test_the_only_owner_with_a_wrong_name_at_the_proxy_keeps_the_passkey(house: House) -> None:
    """Once the proxy has signed them in by that name, they may remove it."""
    anna, key = house.accounts.put_person("Anna", Role.OWNER), SoftwareKey()
    client = await by_proxy(house, "anna")
    path = f"/api/v1/me/passkeys/{(await add_passkey(client, key)).json()['id']}"
    answer = await client.patch(f"{PEOPLE}/{anna.id}", json={"role": "owner", "linked": "anna.schmidt"})
    assert answer.status_code == 200
    await use_passkey(client := browser(house), key)
    assert code_of(await client.delete(path)) == "only_way"
    await by_proxy(house, "anna.schmidt")
    assert (await client.delete(path)).status_code == 200


async def test_who_is_called_at_the_proxy_as_here_may_remove_the_only_passkey(house: House) -> None:
    house.accounts.put_person("Anna", Role.OWNER)
    client = await by_proxy(house, "anna")
    made = (await add_passkey(client, SoftwareKey())).json()
    assert (await client.delete(f"/api/v1/me/passkeys/{made['id']}")).status_code == 200


NO_FILE = "not_saved"
"""What is allowed ends there: this house has no settings file."""


@pytest.mark.parametrize(
    ("value", "has_password", "code"),
    [
        (["192.168.1.99"], False, "only_way"),
        ([], False, "only_way"),
        (["192.168.1.99"], True, NO_FILE),
        (["192.168.1.0/24", "10.0.0.1"], False, NO_FILE),
        (["wrong"], False, NO_FILE),
    ],
)
async def test_the_only_owner_keeps_the_proxy_that_signs_them_in(
    house: House, value: list[str], has_password: bool, code: str
) -> None:
    anna = house.accounts.put_person("Anna", Role.OWNER)
    if has_password:
        house.accounts.set_password(anna, "hash")
    client = await by_proxy(house, "anna")
    answer = await client.put("/api/v1/settings", json={"path": "web.proxies", "value": value, "before": None})
    assert (answer.status_code, code_of(answer)) == (409, code)


async def test_a_link_of_spaces_is_none(house: House) -> None:
    owner = signed_in(house, await person(house))
    made = (await owner.post(PEOPLE, json={"name": "Ben", "linked": " ben.k "})).json()["person"]
    answer = await owner.patch(f"{PEOPLE}/{made['id']}", json={"role": "viewer", "linked": "  "})
    assert (made["linked"], answer.json()["linked"]) == ("ben.k", "")
    noted = [(one.action, one.detail) for one in house.accounts.audit() if "linked" in one.action]
    assert noted == [("user no longer linked", "Ben"), ("user linked", "Ben: ben.k")]


OTHER_HEADER = SignInSettings(proxy_header="X-User")


@pytest.mark.parametrize(
    ("proxy", "settings"), [(PROXY, SignInSettings()), (PROXY, OTHER_HEADER), ("192.168.1.9", None)]
)
async def test_open_streams_end_when_the_proxy_may_no_longer_sign_in(
    house: House, proxy: str, settings: SignInSettings | None
) -> None:
    anna = await person(house)
    session = house.accounts.session(house.accounts.begin_session(anna, Caller(PROXY), BY_PROXY))
    state = {"session": session, "peer": PROXY, PROXY_USER: {"Remote-User": "anna"}}
    headers = [(b"remote-user", b"anna"), (b"x-user", b"anna")]
    scope = {"type": "http", "app": house.app, "state": state, "headers": headers}
    assert not await has_ended(Request(scope))
    house.site.apply(WebSettings.model_validate({"proxies": (proxy,), "hosts": ["tawny.test"]}), settings)
    assert await has_ended(Request(scope))


async def test_a_page_left_open_ends_and_changes_no_link(house: House) -> None:
    owner = signed_in(house, await person(house))
    made = (await owner.post(PEOPLE, json={"name": "Ben", "linked": "ben.k"})).json()["person"]["id"]
    house.clock.advance(RECENT_MS / 1000 + 1)
    for link in ("", "ben"):
        answer = await owner.patch(f"{PEOPLE}/{made}", json={"role": "viewer", "linked": link})
        assert (answer.status_code, code_of(answer)) == (403, "confirm_first")
    same = await owner.patch(f"{PEOPLE}/{made}", json={"role": "member", "linked": "Ben.K"})
    assert (same.status_code, same.json()["linked"], same.json()["role"]) == (200, "ben.k", "member")


async def test_a_page_left_open_links_no_owner_who_would_lose_that_role(house: House) -> None:
    """Whether the role is refused or not: mallory at the proxy would be this owner until then, or for good."""
    anna = await person(house)
    owner = signed_in(house, anna)
    house.clock.advance(RECENT_MS / 1000 + 1)
    for role in ("owner", "viewer"):
        answer = await owner.patch(f"{PEOPLE}/{anna.id}", json={"role": role, "linked": "mallory"})
        assert (answer.status_code, code_of(answer)) == (403, "confirm_first")
    assert (await proxied(house, "mallory"), await proxied(house, "anna")) == ("", "Anna")


async def test_a_refused_role_changes_no_link_and_a_refused_link_no_role(house: House) -> None:
    anna, ben = await person(house), await person(house, "Ben", Role.VIEWER)
    owner = signed_in(house, anna)
    answer = await owner.patch(f"{PEOPLE}/{anna.id}", json={"role": "viewer", "linked": "a.schmidt"})
    assert (answer.status_code, code_of(answer)) == (409, "last_owner")
    answer = await owner.patch(f"{PEOPLE}/{ben.id}", json={"role": "member", "linked": "anna"})
    assert (answer.status_code, code_of(answer)) == (409, "name_of_another")
    assert house.site.identities.all() == {}
    assert {one.name: one.role for one in house.accounts.people()} == {"Anna": Role.OWNER, "Ben": Role.VIEWER}
    assert not [one for one in house.accounts.audit() if one.action.startswith("user ")]


async def test_a_link_that_is_sent_as_it_was_read_stays(house: House) -> None:
    """The Kelvin sign becomes K, which is another letter than that sign."""
    owner = signed_in(house, await person(house))
    made = (await owner.post(PEOPLE, json={"name": "Ben", "linked": "\N{KELVIN SIGN}arl"})).json()["person"]
    same = await owner.patch(f"{PEOPLE}/{made['id']}", json={"role": "viewer", "linked": made["linked"]})
    assert (same.json()["linked"], named(house, "karl")) == (made["linked"], "")


@pytest.mark.parametrize(("length", "shown"), [(255, "Ben"), (256, "")])
async def test_a_name_at_the_proxy_may_be_as_long_as_a_link(house: House, length: int, shown: str) -> None:
    house.site.identities.link(await person(house, "Ben", Role.VIEWER), "ж" * length)
    answer = await browser(house, address=PROXY).get(
        "/api/v1/session", headers=[(b"Remote-User", ("ж" * length).encode())]
    )
    assert answer.json()["proxied"] == shown


async def test_a_link_that_ends_is_folded_once(house: House) -> None:
    """The Kelvin sign becomes K, which is another letter than k."""
    anna = await person(house)
    house.accounts.put_person("kate", Role.VIEWER)
    for link in ("\N{KELVIN SIGN}ate", "anna.k"):
        house.site.identities.link(anna, link, elsewhere=Elsewhere(by_proxy=True))
    assert (named(house, "anna.k"), named(house, "kate")) == ("Anna", "kate")


# --- equal names -----------------------------------------------------------------------------------------------------

COMPOSED = "André"
DECOMPOSED = unicodedata.normalize("NFD", COMPOSED)


async def test_two_users_of_one_name_are_no_one_at_the_proxy(house: House) -> None:
    house.accounts.put_person(COMPOSED, Role.OWNER)
    assert named(house, DECOMPOSED) == COMPOSED
    house.accounts.put_person(DECOMPOSED, Role.VIEWER)
    assert (named(house, COMPOSED), named(house, DECOMPOSED)) == ("", "")


async def test_a_setup_link_means_the_owner_whose_name_has_other_characters(house: House) -> None:
    """Such as one pasted on a Mac."""
    owner = house.accounts.put_person(COMPOSED, Role.OWNER, "old")
    made = house.accounts.claim(house.accounts.new_token(TokenPurpose.CLAIM), DECOMPOSED, "new")
    assert made == owner
    assert house.accounts.find(COMPOSED) == (owner, "new")
    assert [one.name for one in house.accounts.people()] == [COMPOSED]


async def test_a_removed_user_leaves_their_linked_name_to_no_user_of_the_same_name(house: House) -> None:
    former = house.accounts.put_person(COMPOSED, Role.VIEWER)
    house.site.identities.link(former, COMPOSED)
    house.accounts.put_person(DECOMPOSED, Role.OWNER)
    assert named(house, COMPOSED) == COMPOSED
    house.accounts.remove_person(former)
    assert named(house, COMPOSED) == ""


async def test_no_user_is_added_with_the_name_of_another_in_other_characters(house: House) -> None:
    owner = signed_in(house, await person(house, COMPOSED))
    assert code_of(await owner.post(PEOPLE, json={"name": DECOMPOSED})) == "name_taken"
    assert by_provider(house, DECOMPOSED) is IdentityRefusal.TAKEN
