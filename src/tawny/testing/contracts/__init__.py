"""Contract suites: what every plug-in of a kind must do, as tests. pytest is needed here, and nowhere else in tawny.

A plug-in's tests subclass a suite, name the class `Test...` and say how one is opened; `examples/tawny-plugin` is a
complete example. pytest then explains the suites' failed assertions as it does those of the tests themselves.
"""

import pytest

pytest.register_assert_rewrite(*(f"{__name__}.{name}" for name in ("source", "detection", "destination", "notifier")))

from tawny.testing.contracts.destination import DestinationCase, DestinationContract  # noqa: E402
from tawny.testing.contracts.detection import (  # noqa: E402
    DetectorContract,
    EmbedderContract,
    RecogniserContract,
    SoundModelContract,
)
from tawny.testing.contracts.notifier import NotifierCase, NotifierContract  # noqa: E402
from tawny.testing.contracts.source import SourceCase, SourceContract  # noqa: E402

__all__ = [
    "DestinationCase",
    "DestinationContract",
    "DetectorContract",
    "EmbedderContract",
    "NotifierCase",
    "NotifierContract",
    "RecogniserContract",
    "SoundModelContract",
    "SourceCase",
    "SourceContract",
]
