"""GStreamer's RTSP server as a program of the system's Python: `gstreamer_server.py LAUNCH…` serves each description
under `/0`, `/1`, … on loopback, and says its port. With `--digest` first, `viewer` must log in with `secret`."""

import importlib
import sys
from typing import Any


def serve(launches: list[str], *, digest: bool) -> None:
    import gi

    for name in ("Gst", "GstRtsp", "GstRtspServer"):
        gi.require_version(name, "1.0")
    gst, rtsp, server_kind, glib = (importlib.import_module(f"gi.repository.{name}") for name in _PARTS)
    gst.init(None)
    server = server_kind.RTSPServer()
    server.set_address("127.0.0.1")
    server.set_service("0")
    if digest:
        server.set_auth(_digest(server_kind, rtsp))
    for number, launch in enumerate(launches):
        factory = server_kind.RTSPMediaFactory()
        factory.set_launch(launch)
        if digest:
            allowed = server_kind.RTSPPermissions()
            for right in ("media.factory.access", "media.factory.construct"):
                allowed.add_permission_for_role("viewer", right, True)
            factory.set_permissions(allowed)
        server.get_mount_points().add_factory(f"/{number}", factory)
    server.attach(None)
    sys.stdout.write(f"{server.get_bound_port()}\n")
    sys.stdout.flush()
    glib.MainLoop().run()


_PARTS = ("Gst", "GstRtsp", "GstRtspServer", "GLib")


def _digest(kind: Any, rtsp: Any) -> Any:
    auth = kind.RTSPAuth()
    auth.set_supported_methods(rtsp.RTSPAuthMethod.DIGEST)
    token = kind.RTSPToken()
    token.set_string("media.factory.role", "viewer")
    auth.add_digest("viewer", "secret", token)
    return auth


if __name__ == "__main__":
    asked = sys.argv[1:]
    serve([launch for launch in asked if launch != "--digest"], digest="--digest" in asked)
