"""A camera whose every picture shows when it was drawn, as black and white fields: GStreamer's RTSP server, encoding as
it goes, in a process of the system's Python. The fields are those of `tawny.testing.clips`.
"""

import contextlib
import subprocess
from collections.abc import Iterator

from tawny.testing.clips import COLUMNS, ROWS

WIDTH, HEIGHT = 640, 448
PROGRAM = """
import sys, time, gi
gi.require_version("Gst", "1.0"); gi.require_version("GstRtspServer", "1.0")
from gi.repository import GLib, Gst, GstRtspServer
Gst.init(None)
width, height, columns, rows, fps, gop_s, rate, codec = (int(word) if word.isdigit() else word for word in sys.argv[1:])
WHITE, BLACK = b"\\xeb" * (width // columns), b"\\x10" * (width // columns)
COLOURS = b"\\x80" * (width * height // 2)
began = time.monotonic()

def picture():
    stamp = int(time.time() * 1000).to_bytes(6, "big")
    stamp += bytes([sum(stamp) & 255])
    lines = (b"".join(WHITE if byte >> bit & 1 else BLACK for bit in range(7, -1, -1)) for byte in stamp)
    return b"".join(line * (height // rows) for line in lines) + COLOURS

def configure(factory, media):
    source = media.get_element().get_by_name("source")
    began, number = time.monotonic(), 0
    def push():
        nonlocal number
        buffer = Gst.Buffer.new_wrapped(picture())
        buffer.pts = buffer.dts = int((time.monotonic() - began) * 1e9)
        buffer.duration = Gst.SECOND // fps
        number += 1
        if source.emit("push-buffer", buffer) != Gst.FlowReturn.OK:
            return False
        due = began + number / fps - time.monotonic()
        GLib.timeout_add(max(0, round(due * 1000)), push)
        return False
    push()

h264 = f"x264enc tune=zerolatency speed-preset=ultrafast key-int-max={fps * gop_s} bitrate={rate}"
if Gst.ElementFactory.find("x264enc") is None:
    h264 = f"openh264enc complexity=low rate-control=bitrate gop-size={fps * gop_s} bitrate={rate * 1000}"
encoder = {
    "h264": f"{h264} ! h264parse ! rtph264pay config-interval=-1",
    "h265": f"x265enc tune=zerolatency speed-preset=ultrafast key-int-max={fps * gop_s} bitrate={rate} ! h265parse "
            "! rtph265pay config-interval=-1",
}[codec]
server = GstRtspServer.RTSPServer()
server.set_address("127.0.0.1"); server.set_service("0")
factory = GstRtspServer.RTSPMediaFactory()
factory.set_shared(True)
factory.set_launch(
    f"( appsrc name=source is-live=true format=time caps=video/x-raw,format=I420,width={width},height={height},"
    f"framerate={fps}/1 ! {encoder} name=pay0 pt=96 )"
)
factory.connect("media-configure", configure)
server.get_mount_points().add_factory("/clock", factory)
server.attach(None)
print(server.get_bound_port(), flush=True)
GLib.MainLoop().run()
"""


@contextlib.contextmanager
def clock_camera(*, fps: int = 15, gop_s: int = 2, kbit_s: int = 2000, codec: str = "h264") -> Iterator[str]:
    """Runs as long as the context. Gives its address."""
    words = [str(word) for word in (WIDTH, HEIGHT, COLUMNS, ROWS, fps, gop_s, kbit_s, codec)]
    command = ["/usr/bin/python3", "-c", PROGRAM, *words]
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    try:
        assert process.stdout is not None
        yield f"rtsp://127.0.0.1:{int(process.stdout.readline())}/clock"
    finally:
        process.terminate()
        process.wait(10)
