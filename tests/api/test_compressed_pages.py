"""The interface is sent compressed, to each client as it accepts it, by the real server."""

import asyncio
import gzip
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tawny.api.application import make_app
from tawny.api.server import WebServer
from tawny.api.static_files import StaticFiles
from tests.api.fakes import make_house

in_one_loop = pytest.mark.asyncio(loop_scope="module")
PLAIN = b"export const words = 'so many words';\n" * 100
BROTLI, GZIP = b"brotli of it", gzip.compress(PLAIN)

ACCEPTED = {
    "": "",
    "identity": "",
    "deflate": "",
    "gzip": "gzip",
    "GZIP": "gzip",
    "gzip, deflate": "gzip",
    "gzip, deflate, br": "br",
    "gzip, deflate, br, zstd": "br",
    "br;q=0, gzip": "gzip",
    "br;q=0.0,gzip;q=0.5": "gzip",
    "br;q=0.1, gzip;q=1.0": "gzip",
    "gzip;q=0.5,br;q=0.1": "gzip",
    "gzip;q=0.5,br;q=0.5": "br",
    "br;q=0.2, *;q=0.3": "gzip",
    "br;q=1.2.3, gzip;q=0.1": "gzip",
    "gzip;q=0": "",
    "*": "br",
    "*;q=0": "",
    "br;q=0, *": "gzip",
    "gzip;q=oops": "",
    "identity;q=1, br;q=0, gzip ; q=0.2": "gzip",
}
"""What each Accept-Encoding gets."""
BODIES = {"": PLAIN, "gzip": GZIP, "br": BROTLI}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def server(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[WebServer]:
    """One for all: they only read."""
    folder = tmp_path_factory.mktemp("served") / "static"
    house = make_house(folder.parent)
    (folder / "assets").mkdir(parents=True)
    for name in ("index.html", "assets/app-1a2b.js"):
        for ending, data in (("", PLAIN), (".br", BROTLI), (".gz", GZIP)):
            (folder / f"{name}{ending}").write_bytes(data)
    (folder / "assets" / "font-1a2b.woff2").write_bytes(b"font")
    (folder / "assets" / "lone.gz").write_bytes(b"not of another file")
    house.site.interface = StaticFiles.at(folder)
    made = WebServer(make_app(house.site), house.accounts, "127.0.0.1", 0)
    await made.start()
    yield made
    await made.stop()
    house.accounts.close()


async def fetched(
    server: WebServer, path: str, accept: str = "", more: str = "", method: str = "GET"
) -> tuple[int, dict[str, str], bytes]:
    """What comes over the wire: status, headers and the body as it is sent."""
    host, port = server.address.rsplit(":", 1)
    reader, writer = await asyncio.open_connection(host, int(port))
    text = f"Accept-Encoding: {accept}\r\n" if accept else ""
    writer.write(
        f"{method} {path} HTTP/1.1\r\nHost: {server.address}\r\n{text}{more}Connection: close\r\n\r\n".encode()
    )
    head, _, body = (await reader.read()).partition(b"\r\n\r\n")
    writer.close()
    first, *lines = head.decode().split("\r\n")
    return int(first.split()[1]), {k.lower(): v for k, v in (line.split(": ", 1) for line in lines)}, body


@in_one_loop
@pytest.mark.parametrize(("accept", "coding"), ACCEPTED.items())
@pytest.mark.parametrize("path", ["/assets/app-1a2b.js", "/", "/timeline"])
async def test_each_client_gets_what_it_accepts(server: WebServer, path: str, accept: str, coding: str) -> None:
    status, headers, body = await fetched(server, path, accept)
    assert (status, body, headers.get("content-encoding", "")) == (200, BODIES[coding], coding)
    assert int(headers["content-length"]) == len(body)
    assert headers["vary"] == "Accept-Encoding"
    is_asset = path.startswith("/assets/")
    assert headers["cache-control"] == ("public, max-age=31536000, immutable" if is_asset else "no-cache")
    assert headers["content-type"].startswith("text/javascript" if is_asset else "text/html")


@in_one_loop
@pytest.mark.parametrize("path", ["/", "/assets/app-1a2b.js", "/assets/font-1a2b.woff2"])
async def test_the_headers_of_a_file_can_be_asked_for_alone(server: WebServer, path: str) -> None:
    status, headers, whole = await fetched(server, path, "gzip")
    asked, alone, body = await fetched(server, path, "gzip", method="HEAD")
    assert (status, asked, body) == (200, 200, b"")
    assert alone["content-length"] == str(len(whole))
    assert {name: alone[name] for name in headers if name != "date"} == {n: headers[n] for n in headers if n != "date"}


@in_one_loop
async def test_each_form_has_an_etag_of_its_own(server: WebServer) -> None:
    tags = [(await fetched(server, "/assets/app-1a2b.js", accept))[1]["etag"] for accept in ("", "gzip", "br")]
    assert len(set(tags)) == 3


@in_one_loop
async def test_what_is_compressed_already_is_sent_as_it_is(server: WebServer) -> None:
    status, headers, body = await fetched(server, "/assets/font-1a2b.woff2", "gzip, br")
    assert (status, body) == (200, b"font")
    assert not {"content-encoding", "vary"} & set(headers)


@in_one_loop
@pytest.mark.parametrize("name", ["app-1a2b.js.gz", "app-1a2b.js.br", "font-1a2b.woff2.gz"])
async def test_compressed_files_have_no_address_of_their_own(server: WebServer, name: str) -> None:
    assert (await fetched(server, f"/assets/{name}"))[0] == 404


@in_one_loop
async def test_a_file_that_only_ends_like_one_is_a_file(server: WebServer) -> None:
    assert (await fetched(server, "/assets/lone.gz", "gzip"))[2] == b"not of another file"


@pytest.mark.skipif("index.html" not in StaticFiles.at().files, reason="the interface is not built")
def test_the_built_interface_is_compressed_whole() -> None:
    built = StaticFiles.at()
    texts = [name for name in built.files if name.startswith("assets/") and name.endswith((".js", ".css"))]
    large = [name for name in texts if built.files[name].stat().st_size > 1000]
    assert large
    assert all({"br", "gzip"} == set(built.encoded.get(name, {})) for name in large)
    for name, forms in built.encoded.items():
        if "gzip" in forms:
            assert gzip.decompress(forms["gzip"].read_bytes()) == built.files[name].read_bytes()
    sent, plain = (
        sum(size)
        for size in zip(
            *((built.encoded[n]["br"].stat().st_size, built.files[n].stat().st_size) for n in large), strict=True
        )
    )
    assert sent < 0.5 * plain


@in_one_loop
@pytest.mark.parametrize("method", ["GET", "HEAD"])
async def test_the_files_own_name_leads_to_the_page(server: WebServer, method: str) -> None:
    status, headers, body = await fetched(server, "/index.html", "gzip", method=method)
    assert (status, headers["location"], body) == (301, "/", b"")
