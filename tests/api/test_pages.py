from pathlib import Path

import httpx
import pytest

from tawny.api.static_files import StaticFiles
from tests.api.fakes import House

PAGES = [
    "/",
    "/live/porch",
    "/timeline?cam=porch",
    "/events",
    "/events/some-id",
    "/health",
    "/settings",
    "/settings/cameras/porch/motion",
    "/clips",
    "/find",
    "/plan",
    "/setup",
    "/setup/sealed",
    "/setup/storage",
    "/sign-in",
]


@pytest.fixture
def browser(house: House, tmp_path: Path) -> httpx.AsyncClient:
    static = tmp_path / "static"
    (static / "assets").mkdir(parents=True)
    (static / "index.html").write_text("<title>tawny</title>")
    (static / "assets" / "app-1a2b.js").write_text("1")
    (static / "favicon.svg").write_text("<svg/>")
    (static / "manifest.webmanifest").write_text("{}")
    (static / "link").symlink_to("/etc/passwd")
    house.site.interface = StaticFiles.at(static)
    return house.browser()


@pytest.mark.parametrize("path", PAGES)
async def test_every_page_is_the_one_page(browser: httpx.AsyncClient, path: str) -> None:
    answer = await browser.get(path)
    assert (answer.status_code, answer.text) == (200, "<title>tawny</title>")
    assert answer.headers["cache-control"] == "no-cache"


async def test_a_file_that_an_update_removed_is_told(browser: httpx.AsyncClient, tmp_path: Path) -> None:
    for path in tmp_path.rglob("app-1a2b.js*"):
        path.unlink()
    answer = await browser.get("/assets/app-1a2b.js")
    assert (answer.status_code, answer.json()["message"]) == (404, "tawny was updated while it ran.")


async def test_files_with_a_hash_are_kept_for_ever(browser: httpx.AsyncClient) -> None:
    answer = await browser.get("/assets/app-1a2b.js")
    assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert answer.headers["content-type"].startswith("text/javascript")


@pytest.mark.parametrize(
    ("path", "kind"), [("/favicon.svg", "image/svg+xml"), ("/manifest.webmanifest", "application/manifest+json")]
)
async def test_other_files_are_asked_for_again(browser: httpx.AsyncClient, path: str, kind: str) -> None:
    answer = await browser.get(path)
    assert (answer.headers["cache-control"], answer.headers["content-type"].split(";")[0]) == ("no-cache", kind)


@pytest.mark.shows("SC34")
@pytest.mark.parametrize(
    "path",
    [
        "/assets/app-other.js",
        "/assets/",
        "/index.htm",
        "/assets",
        "/old/app.js",
        "/link.txt",
        "/api/v1/nothing",
        "/media/x",
    ],
)
async def test_there_is_nothing_else(browser: httpx.AsyncClient, path: str) -> None:
    answer = await browser.get(path)
    assert answer.status_code == 404
    assert answer.json()["code"] == "not_found"


@pytest.mark.shows("SC34")
@pytest.mark.parametrize("path", ["/link", "/old/bookmark", "/some/deep/page/", "/Videos"])
async def test_an_unknown_page_is_the_page_which_says_so(browser: httpx.AsyncClient, path: str) -> None:
    answer = await browser.get(path)
    assert (answer.status_code, answer.text) == (404, "<title>tawny</title>")
    assert (await browser.head(path)).status_code == 404


@pytest.mark.shows("RP2", "RC6")
@pytest.mark.parametrize(
    ("former", "now"),
    [
        ("/index.html", "/"),
        ("/stream.mjpg", "/api/v1/live/follow/mjpeg"),
        ("/stream.mjpg?pass=abc&fps=5", "/api/v1/live/follow/mjpeg?pass=abc&fps=5"),
        ("/playlist.m3u8", "/api/v1/live/follow/hls/index.m3u8"),
    ],
)
async def test_bookmarks_of_former_recorders_lead_on(browser: httpx.AsyncClient, former: str, now: str) -> None:
    answer = await browser.get(former, follow_redirects=False)
    assert (answer.status_code, answer.headers["location"]) == (301, now)
    if now != "/":
        assert (await browser.get(now)).status_code == 401, "nobody sees anything without signing in"


async def test_an_unknown_page_cannot_be_changed(house: House, browser: httpx.AsyncClient) -> None:
    answer = await browser.post("/old/bookmark")
    assert (answer.status_code, answer.json()["code"]) == (405, "wrong_method")


async def test_without_the_interface_the_page_says_what_to_do(house: House) -> None:
    answer = await house.browser().get("/")
    assert answer.status_code == 503
    assert "npm run build" in answer.text


async def test_a_region_without_a_file_is_answered_in_its_language(house: House) -> None:
    answer = await house.browser().get("/api/v1/languages/de-AT")
    assert (answer.status_code, answer.headers["content-language"]) == (200, "de")


async def test_an_unchanged_language_is_not_sent_again(house: House) -> None:
    page = house.browser()
    tag = (await page.get("/api/v1/languages/de")).headers["etag"]
    for named in (tag, f'"other", W/{tag}'):
        again = await page.get("/api/v1/languages/de", headers={"If-None-Match": named})
        assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", tag)
    assert (await page.get("/api/v1/languages/de", headers={"If-None-Match": '"other"'})).status_code == 200
