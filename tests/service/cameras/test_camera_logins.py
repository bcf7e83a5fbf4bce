"""The login of a new camera in its settings: a reference in each address that has one, and its password apart."""

import pytest

from tawny.model.times import SystemClock
from tawny.service.cameras.camera_setup import CameraDraft, resolve_camera

PLAIN = "rtsp://192.0.2.9/large"
SECRET = {"CAMERA_DOOR": "p%2Fw"}
KEPT = "rtsp://anna:${CAMERA_DOOR}@192.0.2.9/"


@pytest.mark.parametrize(
    ("wanted", "values", "secrets"),
    [
        (CameraDraft(PLAIN), {"source": PLAIN}, {}),
        (
            CameraDraft(PLAIN, sub="rtsp://192.0.2.9/small", user="anna", password="p/w"),
            {"source": KEPT + "large", "sub": KEPT + "small"},
            SECRET,
        ),
        (
            CameraDraft("rtsp://anna:p%2Fw@192.0.2.9/large", sub="rtsp://192.0.2.9/small"),
            {"source": KEPT + "large", "sub": KEPT + "small"},
            SECRET,
        ),
        (
            CameraDraft(PLAIN, sub="rtsp://anna:p%2Fw@192.0.2.9/small"),
            {"source": PLAIN, "sub": KEPT + "small"},
            SECRET,
        ),
        (
            CameraDraft(PLAIN, sub="rtsp://anna@192.0.2.9/small"),
            {"source": PLAIN, "sub": "rtsp://anna@192.0.2.9/small"},
            {},
        ),
    ],
    ids=["none", "fields", "main address", "sub address only", "no password"],
)
def test_each_reference_has_its_password(wanted: CameraDraft, values: dict[str, str], secrets: dict[str, str]) -> None:
    found = resolve_camera("door", wanted, SystemClock(), {})
    written = {key: found.values[key] for key in ("source", "sub") if key in found.values}
    assert (written, dict(found.secrets)) == (values, secrets)
