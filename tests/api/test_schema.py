import inspect
import json
import re
import runpy
from pathlib import Path
from typing import Any

import pytest

from tawny.api import application
from tawny.api.application import make_routes
from tawny.api.auth.access import check_routes
from tawny.service import json_format

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module", name="text")
def text_once() -> str:
    """Making it takes a second."""
    return application.text()


@pytest.fixture(name="described")
def described_api(text: str) -> dict[str, Any]:
    return dict(json.loads(text))


def test_the_description_is_the_same_each_time(text: str) -> None:
    assert application.text() == text


def test_every_route_of_the_api_is_described(described: dict[str, Any]) -> None:
    routes = {route.split(" ")[1] for route in check_routes(make_routes()) if route.split(" ")[0] not in ("HEAD", "WS")}
    api = {path for path in routes if path.startswith(("/api/", "/media/"))} - {"/api/v1/openapi.json"}
    for_hubs = ("/api/v1/copies/", "/api/v1/scans", "/api/v1/training", "/api/v1/updates")
    refused_to_others = {path for path in api if path.startswith(for_hubs)}
    assert api - refused_to_others <= set(described["paths"])


def test_every_response_has_a_media_type(described: dict[str, Any]) -> None:
    """Generated clients took images and videos for empty responses."""
    of_browsers = "/api/v1/sign-in/provider/callback"
    without = [
        path
        for path, methods in described["paths"].items()
        for method, about in methods.items()
        if method != "head" and "200" in about["responses"] and not about["responses"]["200"].get("content")
    ]
    assert without == [of_browsers]
    assert "303" in described["paths"][of_browsers]["get"]["responses"]
    assert [*described["paths"]["/media/{event}.jpg"]["get"]["responses"]["200"]["content"]] == ["image/jpeg"]


def test_programs_find_their_commands_and_how_to_sign_them(described: dict[str, Any]) -> None:
    orders, inputs = (described["paths"][f"/api/v1/{path}"]["post"] for path in ("orders", "inputs/{program}"))
    assert inputs["requestBody"] == orders["requestBody"]
    assert inputs["security"] == [{"signature": []}, {"token": []}]
    assert orders["security"] == [{"session": [], "page": []}]


def test_every_way_to_sign_in_is_described(described: dict[str, Any]) -> None:
    operations = [about for methods in described["paths"].values() for about in methods.values()]
    used = {name for about in operations for way in about["security"] for name in way}
    assert used == set(described["components"]["securitySchemes"])


def test_every_image_and_playlist_that_answers_head_says_so(described: dict[str, Any]) -> None:
    routes = {route.split(" ")[1] for route in check_routes(make_routes()) if route.startswith("HEAD ")}
    assert "/media/{event}.jpg" in routes
    assert all("head" in described["paths"][path] for path in routes & set(described["paths"]))


def test_every_address_that_the_documentation_names_is_there() -> None:
    routes = {route.split(" ")[1] for route in check_routes(make_routes())}
    patterns = [re.compile(re.sub(r"\{[^}]+\}", "[^/]+", path)) for path in routes]
    text = (ROOT / "docs" / "reference" / "api.md").read_text(encoding="utf-8")
    named = set(re.findall(r"/(?:api/|openapi|healthz|metrics|media/)[\w./-]*", text))
    assert "/healthz" in named
    missing = {path for path in named if not any(one.fullmatch(path) for one in patterns)}
    assert not missing


def test_every_object_that_other_programs_get_is_documented() -> None:
    made = set(re.findall(r'"([a-z]+\.[a-z_]+)"', inspect.getsource(json_format)))
    text = (ROOT / "docs" / "reference" / "api.md").read_text(encoding="utf-8")
    assert "camera.state" in made
    assert {one for one in made if f"`{one}`" not in text} == set()


def test_every_answer_of_the_api_that_is_json_has_a_type(described: dict[str, Any]) -> None:
    untyped = [
        (path, method)
        for path, methods in described["paths"].items()
        for method, about in methods.items()
        if about["responses"]
        .get("200", {})
        .get("content", {})
        .get("application/json", {"schema": {"$ref": ""}})["schema"]
        == {}
    ]
    assert untyped == []


def test_errors_are_described_in_our_shape_alone(described: dict[str, Any]) -> None:
    names = set(described["components"]["schemas"])
    assert "ErrorResponse" in names
    assert "HTTPValidationError" not in names


def test_the_interface_knows_the_same_shapes() -> None:
    made = runpy.run_path(str(ROOT / "scripts" / "interface_types.py"))
    assert made["PATH"].read_text(encoding="utf-8") == made["text"](), "run scripts/interface_types.py"
