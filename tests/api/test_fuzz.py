"""The API as its description says it, asked for anything: whatever comes, the answer is ours and is no failure."""

import asyncio
from collections.abc import Iterator
from functools import cache
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tawny.api.application import description
from tests.api.fakes import House, make_house

NOW_MS = 1_795_150_800_000
WORDS = st.sampled_from(
    ["porch", "none", "main", "sub", "auto", "new", "kept", "person", "", ",", "..", "a,b", "%", "\0"]
)
NUMBERS = st.one_of(
    st.integers(-5, 5), st.integers(NOW_MS - 100_000, NOW_MS + 100_000), st.integers(), st.floats(), st.booleans()
)
VALUES = st.one_of(WORDS, NUMBERS.map(str), st.text(max_size=20).filter(lambda text: text.isprintable()))
BODIES = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.text(max_size=10)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.dictionaries(
            st.sampled_from(["ids", "kept", "reviewed", "name", "password", "token", "x"]), inner, max_size=4
        ),
    ),
    max_leaves=8,
)


@cache
def described() -> dict[str, dict[str, Any]]:
    """The operations of each path. Made when it is first asked for: every worker reads this file."""
    paths: dict[str, dict[str, Any]] = description()["paths"]
    return paths


@cache
def gets() -> list[str]:
    return sorted(path for path, methods in described().items() if "get" in methods and not path.endswith("/mjpeg"))


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    made = make_house(tmp_path_factory.mktemp("house"))
    made.recorder.record(NOW_MS - 8000)
    yield made
    made.accounts.close()


def ask(house: House, method: str, path: str, query: dict[str, str], body: object = None) -> None:
    async def asked() -> tuple[int, str, str]:
        async with house.signed_in() as browser:
            answer = await browser.request(method, path, params=query, json=body)
            return answer.status_code, answer.headers.get("content-type", ""), answer.text[:500]

    status, kind, text = asyncio.run(asked())
    assert status < 500, f"{method} {path} {query}: {status} {text}"
    if status >= 400 and status != 416:
        assert kind == "application/json", f"{method} {path}: {text}"
        assert '"message"' in text


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_nothing_that_is_asked_for_is_a_failure(house: House, data: st.DataObject) -> None:
    path = data.draw(st.sampled_from(gets()))
    query: dict[str, str] = {}
    for parameter in described()[path]["get"].get("parameters", []):
        name = parameter["name"]
        if parameter["in"] == "path":
            path = path.replace("{" + name + "}", data.draw(st.sampled_from(["porch", "none", "x" * 70, "%00", "a b"])))
        elif data.draw(st.integers(0, 3)):
            query[name] = data.draw(VALUES)
    ask(house, "GET", path, query)


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.deferred(
        lambda: st.sampled_from(sorted((m, p) for p, methods in described().items() for m in methods if m != "get"))
    ),
    BODIES,
)
def test_nothing_that_is_sent_is_a_failure(house: House, route: tuple[str, str], body: object) -> None:
    ask(house, route[0].upper(), route[1].replace("{event}", "none"), {}, body)
