"""Cameras that announce themselves by mDNS: what the library reports of a network without it."""

import logging

import pytest

from tawny.sources.discovery import mdns


def test_an_unreachable_network_is_reported_without_a_traceback(caplog: pytest.LogCaptureFixture) -> None:
    assert mdns.SERVICES
    error = OSError(101, "Network is unreachable")
    logging.getLogger("zeroconf").warning("Error with socket 7: %s", error, exc_info=error)
    assert "Network is unreachable" in caplog.text
    assert "Traceback" not in caplog.text
    assert "OSError" not in caplog.text
