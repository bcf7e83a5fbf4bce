"""The data on cameras: each entry is complete, each quirk has its test, and adding a camera uses it."""

import importlib
from pathlib import Path

import pytest

from tawny.service.cameras.camera_setup import CameraDraft, find_streams
from tawny.service.detection.camera_reports import EVENT_APIS
from tawny.sources.discovery import known_cameras
from tawny.sources.discovery.known_cameras import FOLDER, CameraQuirk, KnownMaker, candidates, known_makers, read_maker
from tawny.sources.network_address import parse_network
from tawny.testing.clock import FakeClock

CLIENT = Path(__file__).parents[1] / "rtsp_client"
QUIRKS = [(maker.maker, quirk) for maker in known_makers() for quirk in maker.quirks]
LINK = "rtsps://192.168.1.1:7441/Ab12Cd34Ef56Gh78"


@pytest.mark.parametrize(("maker", "quirk"), QUIRKS, ids=[f"{maker}: {quirk.what}" for maker, quirk in QUIRKS])
def test_each_quirk_has_a_test_or_transcript_and_says_who_saw_it(maker: str, quirk: CameraQuirk) -> None:
    assert quirk.source.startswith("https://")
    if quirk.test.endswith(".txt"):
        assert (CLIENT / "transcripts" / quirk.test).is_file()
        return
    module, _, name = quirk.test.partition(".")
    folder = "discovery" if module == "test_known_cameras" else "rtsp_client"
    assert callable(getattr(importlib.import_module(f"tests.sources.{folder}.{module}"), name))


@pytest.mark.parametrize("maker", known_makers(), ids=lambda maker: maker.maker or maker.names)
def test_each_entry_is_complete(maker: KnownMaker) -> None:
    assert bool(maker.streams) != maker.is_server
    assert bool(maker.address) == maker.is_server
    if maker.address:
        assert parse_network(maker.address).host == "HOST"
    for paths in maker.streams:
        assert paths.main.startswith("/")
        assert paths.sub.startswith("/") or not paths.sub
    if maker.maker and not maker.is_server:
        assert maker.matches(maker.maker), "a maker is known by its own name"


def test_each_event_api_is_that_of_a_maker() -> None:
    found = [one.events for one in known_makers() if one.events]
    assert sorted(one.api for one in found) == sorted(EVENT_APIS)
    assert all(one.source.startswith("https://") and one.reports for one in found)


def test_there_is_one_file_for_each_and_ranks_differ() -> None:
    ranks = [maker.rank for maker in known_makers()]
    assert len(ranks) == len(list(FOLDER.glob("*.toml"))) == len(set(ranks))


@pytest.mark.parametrize("query", ["?enableSrtp", "?enableSrtp=1", "?a=1&enableSrtp", "?enableSrtp&a=1"])
def test_srtp_of_unifi_protect_is_left_out(query: str) -> None:
    streams = find_streams(CameraDraft(LINK + query, sub=LINK + query), FakeClock())
    assert streams is not None
    assert streams.sub is not None
    assert streams.main.url == streams.sub.url == LINK + ("?a=1" if "a=1" in query else "")


@pytest.mark.parametrize("query", ["", "?", "?channel=1&subtype=0", "?a&b=enableSrtp"])
def test_other_addresses_stay_as_they_are(query: str) -> None:
    streams = find_streams(CameraDraft(LINK + query), FakeClock())
    assert streams is not None
    assert streams.main.url == LINK + query


def test_the_path_of_a_model_that_was_seen_is_tried_first(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = read_maker(
        'maker = "Acme"\nnames = "acme"\nrank = 1\n[[streams]]\nmain = "/usual"\n'
        '[[seen]]\nmodel = "X1"\nmain = "/x1"\nsub = "/x1-sub"\nforgiven = ["spaces"]\n'
    )
    others = known_makers()
    monkeypatch.setattr(known_cameras, "known_makers", lambda: (*others, seen))
    assert [one.main for one in candidates("ACME X1 v2")][:2] == ["/x1", "/usual"]
    assert next(one.main for one in candidates("Acme X2")) == "/usual"
    assert "/x1" not in [one.main for one in candidates("")]
