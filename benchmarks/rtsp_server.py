"""An RTSP server that is not ours, for comparisons: GStreamer's, in a process of the system's Python."""

import contextlib
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path

PROGRAM = """
import sys, gi
gi.require_version("Gst", "1.0"); gi.require_version("GstRtspServer", "1.0")
from gi.repository import GLib, Gst, GstRtspServer
Gst.init(None)
server = GstRtspServer.RTSPServer()
server.set_address("127.0.0.1"); server.set_service("0")
for word in sys.argv[1:]:
    name, _, launch = word.partition("=")
    factory = GstRtspServer.RTSPMediaFactory()
    factory.set_shared(False); factory.set_launch(launch)
    server.get_mount_points().add_factory("/" + name, factory)
server.attach(None)
print(server.get_bound_port(), flush=True)
GLib.MainLoop().run()
"""


@contextlib.contextmanager
def serving(clips: Mapping[str, Path]) -> Iterator[str]:
    """Each clip (H.264 in MP4) in real time under its name, from its begin to each who asks. Gives the address."""
    pay = "qtdemux ! queue ! h264parse ! rtph264pay config-interval=-1 name=pay0 pt=96"
    words = [f"{name}=( filesrc location={path} ! {pay} )" for name, path in clips.items()]
    command = ["/usr/bin/python3", "-c", PROGRAM, *words]
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    try:
        assert process.stdout is not None
        port = int(process.stdout.readline())
        yield f"rtsp://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(10)
