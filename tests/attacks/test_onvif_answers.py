"""Answers of an ONVIF service that are made to cost time or memory."""

import threading
import time
import tracemalloc
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tawny.model.errors import SourceError, TawnyError
from tawny.model.times import SystemClock
from tawny.protocols.soap import (
    MAX_ATTRIBUTES,
    MAX_BYTES,
    MAX_DEPTH,
    MAX_ELEMENTS,
    UnreadableXml,
    find_elements,
    read_xml,
    text_at,
)
from tawny.sources.onvif import TIMEOUT_S, OnvifCamera, request_path
from tawny.sources.onvif_times import camera_time_ms
from tests.attacks.hostile_onvif import HostileCamera, envelope, hostile, nested, response

MOST_CPU_S, MOST_BYTES = 4.0, 20_000_000
"""0.3 s are usual; what these answers once cost took hours, or all memory."""


def cost(call: Callable[[], object]) -> tuple[float, int]:
    """CPU seconds and peak bytes of a call that fails as it may."""
    tracemalloc.start()
    begun_s = time.thread_time()
    try:
        call()
    except TawnyError:
        pass
    finally:
        spent_s, (_, peak) = time.thread_time() - begun_s, tracemalloc.get_traced_memory()
        tracemalloc.stop()
    return spent_s, peak


def test_nested_elements_cost_no_more_than_others() -> None:
    """360 kB of nested elements once took hours and all memory."""
    with hostile(HostileCamera(response(nested(360_000)))) as camera:
        found: list[tuple[float, int]] = []
        asking = threading.Thread(
            target=lambda: found.append(cost(OnvifCamera(camera.url, SystemClock()).outputs)), daemon=True
        )
        asking.start()
        asking.join(20)
        assert found, "it still computes after 20 s"
    ((spent_s, peak),) = found
    assert spent_s < MOST_CPU_S
    assert peak < MOST_BYTES


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(response(envelope("<r>" + "<x/>" * 40_000 + "</r>")), id="many-elements"),
        pytest.param(response(envelope("<r " + " ".join(f'a{n}=""' for n in range(50_000)) + "/>")), id="attributes"),
        pytest.param(
            response(
                f'<e xmlns:n="{"u" * 100_000}"><Body><r>'.encode()
                + b"".join(b"<n:x%d/>" % n for n in range(4_900))
                + b"</r></Body></e>"
            ),
            id="long-namespace",  # with namespaces, each of the names would repeat its 100 kB
        ),
        pytest.param(
            response(
                (
                    '<?xml version="1.0" encoding="utf-16"?><!DOCTYPE r [<!ENTITY a "aaaaaaaaaa">'
                    + "".join(f'<!ENTITY a{n} "{f"&a{n - 1};" * 10}">' for n in range(1, 9)).replace("&a0;", "&a;")
                    + "]><e><Body><r>&a8;</r></Body></e>"
                ).encode("utf-16")
            ),
            id="entities-in-utf-16",
        ),
        pytest.param(response(b'<?xml version="1.0" encoding="no-such"?><e/>'), id="unknown-encoding"),
        pytest.param(response(b"<e" * 100_000), id="unclosed"),
        pytest.param(response(envelope("<Fault>" + "<a>x</a>" * 4_900 + "</Fault>")), id="long-fault"),
        pytest.param(
            b"HTTP/1.1 401 No\r\nWWW-Authenticate: Digest " + b"a" * 60_000 + b"\r\nContent-Length: 0\r\n\r\n",
            id="long-challenge",
        ),
        pytest.param(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + b"1\r\nx\r\n" * 200_000, id="chunks"),
        pytest.param(b"HTTP/1.1 200 OK\r\n" + b"X: " + b"y" * 200_000, id="long-header"),
    ],
)
def test_no_answer_costs_much(answer: bytes) -> None:
    with hostile(HostileCamera(answer)) as camera:
        spent_s, peak = cost(OnvifCamera(camera.url, SystemClock()).outputs)
    assert spent_s < MOST_CPU_S
    assert peak < MOST_BYTES


@pytest.mark.parametrize(
    "camera",
    [
        pytest.param(HostileCamera(b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 50, byte_pause_s=0.05), id="slow-header"),
        pytest.param(HostileCamera(response(b"<e>" + b" " * 400), byte_pause_s=0.05), id="slow-body"),
        pytest.param(HostileCamera(is_silent=True), id="silent"),
        pytest.param(HostileCamera(b"HTTP/1.1 100 Continue\r\n\r\n", is_endless=True), id="continue-for-ever"),
        pytest.param(
            HostileCamera(b"HTTP/1.1 100 Continue\r\n\r\n", byte_pause_s=0.02, is_endless=True), id="slow-continue"
        ),
    ],
)
def test_an_operation_ends_at_its_deadline(camera: HostileCamera, monkeypatch: pytest.MonkeyPatch) -> None:
    """Once the timeout applied to each read: one byte now and then held the caller for ever."""
    monkeypatch.setattr("tawny.sources.onvif.OPERATION_S", 1.0)
    with hostile(camera):
        begun_s = time.monotonic()
        with pytest.raises(SourceError):
            OnvifCamera(camera.url, SystemClock()).presets()
        assert time.monotonic() - begun_s < TIMEOUT_S


@pytest.mark.parametrize(
    "address", ["http://[::bad/onvif", "http://c/ö nvif\r\nX: y", "http://c/\x00", "//", "http://c:99999999/p"]
)
def test_an_unusable_service_address_is_an_error_of_the_camera(address: str) -> None:
    assert request_path(address).startswith("/")
    assert request_path(address).isascii()
    assert request_path(address).isprintable()
    assert " " not in request_path(address)


@pytest.mark.parametrize("year", ["9999", "0001", "-5", "9" * 5000, "٢٠٢٦"])
def test_a_senseless_clock_is_ignored_or_read(year: str) -> None:
    time_of = "<Time><Hour>23</Hour><Minute>59</Minute><Second>59</Second></Time>"
    date = f"<Date><Year>{year}</Year><Month>12</Month><Day>31</Day></Date>"
    now_ms = SystemClock().now_ms()
    found_ms = camera_time_ms(read_xml(f"<r><UTCDateTime>{time_of}{date}</UTCDateTime></r>".encode()), now_ms)
    assert abs(found_ms - now_ms) < 100 * 365 * 86_400_000


# --- limits of the parser --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("document", "is_read"),
    [
        ("<a>" * MAX_DEPTH + "</a>" * MAX_DEPTH, True),
        ("<a>" * (MAX_DEPTH + 1) + "</a>" * (MAX_DEPTH + 1), False),
        ("<a>" + "<b/>" * (MAX_ELEMENTS - 1) + "</a>", True),
        ("<a>" + "<b/>" * MAX_ELEMENTS + "</a>", False),
        ("<a " + " ".join(f'x{n}=""' for n in range(MAX_ATTRIBUTES)) + "/>", True),
        ("<a " + " ".join(f'x{n}=""' for n in range(MAX_ATTRIBUTES + 1)) + "/>", False),
        ("<a>" + "x" * (MAX_BYTES - 7) + "</a>", True),
        ("<a>" + "x" * (MAX_BYTES - 6) + "</a>", False),
        ("<!DOCTYPE a><a/>", False),
        ("", False),
        ("<a>", False),
        ("<a/><b/>", False),
    ],
)
def test_each_limit_holds_exactly(document: str, is_read: bool) -> None:
    if is_read:
        assert read_xml(document.encode()).tag == "a"
    else:
        with pytest.raises(UnreadableXml):
            read_xml(document.encode())


@pytest.mark.parametrize(
    "document",
    [
        b"\r\n <?xml version='1.0'?><a>Gate</a>",
        b"<a>Gate</a>\n\0\0",
        b"<?xml version='1.0' encoding='UTF-8'?><a>Gate " + "门".encode("gbk") + b"</a>",
        "<?xml version='1.0' encoding='UTF-16'?><a>Gate</a>".encode("utf-16"),
        b"<?xml version='1.0' encoding='gb2312'?><a>Gate</a>",
        b"<?xml version='1.0' encoding='nonsense'?><a>Gate</a>",
    ],
)
def test_harmless_bytes_of_cameras_are_passed_over(document: bytes) -> None:
    assert (read_xml(document).text or "").startswith("Gate")


def test_names_are_read_without_prefix_and_paths_skip_levels() -> None:
    root = read_xml(b'<s:e xmlns:s="u"><s:A><x><B>no</B></x></s:A><A><y><t:C q:token="7">yes</t:C></y></A></s:e>')
    assert (root.tag, text_at(root, "A", "C"), text_at(root, "C", "A")) == ("e", "yes", "")
    (found,) = find_elements(root, "C")
    assert found.get("token") == "7"


NAMES = st.sampled_from("abc")
TREES = st.recursive(
    NAMES.map(lambda name: f"<{name}>t</{name}>"),
    lambda below: st.tuples(NAMES, st.lists(below, max_size=4)).map(lambda t: f"<{t[0]}>{''.join(t[1])}</{t[0]}>"),
    max_leaves=30,
)


@given(tree=TREES, path=st.lists(NAMES, min_size=1, max_size=4))
@settings(max_examples=200, deadline=None)
def test_a_path_is_found_if_and_only_if_there_is_one(tree: str, path: list[str]) -> None:
    """The search of one pass finds what the search of all combinations found."""
    root = read_xml(tree.encode())
    at = [root]
    for name in path:
        at = [below for one in at for below in one.iter() if below.tag == name and below is not one]
    if not at:
        assert text_at(root, *path) == ""
    else:
        assert text_at(root, *path) in {(one.text or "").strip() for one in at}


@given(data=st.binary(max_size=300) | st.text(max_size=200).map(lambda text: f"<a>{text}</a>".encode()))
@settings(max_examples=200, deadline=None)
def test_anything_is_read_or_refused(data: bytes) -> None:
    try:
        read_xml(data)
    except UnreadableXml:
        return
