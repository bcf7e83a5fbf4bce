"""An HTTP camera for tests: FFmpeg as the encoder, and a small server with faults that can be switched on."""

import base64
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from tempfile import mkdtemp

from tawny.protocols.digest_auth import challenge, digest, is_right
from tawny.testing.clips import ClipSpec, clip_file

NONCE = "0123456789abcdef"
CONTAINERS = {
    "flv": ("video/x-flv", ("-c", "copy", "-f", "flv")),
    "ts": ("video/mp2t", ("-c", "copy", "-f", "mpegts")),
    "mp4": ("video/mp4", ("-c", "copy", "-f", "mp4", "-movflags", "frag_every_frame+empty_moov+default_base_moof")),
    "mkv": ("application/octet-stream", ("-c", "copy", "-f", "matroska", "-live", "1")),
    "hevc.flv": ("video/x-flv", ()),
    "mjpeg": (
        "multipart/x-mixed-replace; boundary=ffmpeg",
        ("-an", "-c:v", "mjpeg", "-q:v", "5", "-f", "mpjpeg", "-boundary_tag", "ffmpeg"),
    ),
}


def sender_words(clip: str, form: str, output: str, speed: float, *options: str) -> list[str]:
    """Return the command that sends a clip with the FFmpeg inside PyAV."""
    return [sys.executable, "-m", "tests.sources.sender", clip, form, output, f"{speed:g}", *options]


@dataclass
class HttpFaults:
    """May be changed while the camera runs. redirect: target of every response."""

    redirect: str = ""
    stall: bool = False
    garbage: bytes = b""
    page: bool = False


@dataclass
class HttpCamera:
    """A running camera. login: `user:password`, asked for by digest or, if `basic`, in clear.

    token: asked for instead, as Home Assistant does: 403 without one, 401 for a wrong one, and no challenge.
    """

    clip: Path
    login: str = ""
    basic: bool = False
    speed: float = 1.0
    token: str = ""
    faults: HttpFaults = field(default_factory=HttpFaults)
    asked: list[tuple[str, str]] = field(default_factory=list)
    """Paths and `Authorization` of all requests."""
    port: int = 0
    running: list[subprocess.Popen[bytes]] = field(default_factory=list)
    prepared: dict[str, tuple[subprocess.Popen[bytes], bytes]] = field(default_factory=dict)
    """Encoders that run already, each with what it has sent, by the name of the stream."""
    hls: Path | None = None
    variant: str = ""
    jpeg: bytes = b""
    is_over: bool = False

    def address(self, name: str, login: str = "") -> str:
        return f"http://{login + '@' if login else ''}127.0.0.1:{self.port}/{name}"

    def encoder(self, *output: str) -> subprocess.Popen[bytes]:
        """Start FFmpeg, which plays the clip in a loop, at its own speed."""
        paced = ("-readrate", f"{self.speed:g}", "-stream_loop", "-1", "-i", str(self.clip))
        words = ["ffmpeg", "-v", "error", *paced, *output]
        if not output:  # H.265 in FLV
            words = sender_words(str(self.clip), "flv", "-", self.speed)
        made = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        self.running.append(made)
        return made

    def stream(self, name: str) -> tuple[subprocess.Popen[bytes], bytes]:
        """Return the encoder of a stream, and what it has sent already."""
        if name in self.prepared:
            return self.prepared.pop(name)
        output = CONTAINERS[name][1]
        return self.encoder(*output, *(("-flush_packets", "1", "pipe:1") if output else ())), b""

    def prepare(self, name: str) -> None:
        """Start the encoder before the next request for a stream: FFmpeg takes seconds on a busy computer, a camera
        does not."""
        encoder, _ = self.stream(name)
        assert encoder.stdout is not None
        self.prepared[name] = encoder, encoder.stdout.read1(1 << 16)  # type: ignore[attr-defined]

    def begin_hls(self, *output: str) -> None:
        """Write a playlist that goes on, with segments of one second."""
        self.hls = self.hls or Path(mkdtemp(prefix="tawny-hls-"))
        made = self.encoder(
            "-c", "copy", "-f", "hls", "-hls_time", "1", "-hls_list_size", "5",
            "-hls_flags", "delete_segments+temp_file", *output, str(self.hls / "live.m3u8"),
        )  # fmt: skip
        assert made.stdout is not None
        made.stdout.close()

    def hang_up(self) -> None:
        """End all streams that are sent now."""
        for one in list(self.running):
            one.kill()
            one.wait()
        for one, _ in self.prepared.values():
            assert one.stdout is not None
            one.stdout.close()
        self.prepared.clear()


@contextmanager
def http_camera(
    spec: ClipSpec | None = None, login: str = "", *, basic: bool = False, port: int = 0, speed: float = 1.0
) -> Iterator[HttpCamera]:
    camera = HttpCamera(clip_file(spec), login, basic, speed)
    server = _Server(("127.0.0.1", port), _Handler)
    server.camera = camera
    camera.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield camera
    finally:
        camera.is_over = True
        server.shutdown()
        camera.hang_up()
        server.server_close()
        thread.join()
        if camera.hls is not None:
            shutil.rmtree(camera.hls, ignore_errors=True)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    camera: HttpCamera


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    @property
    def camera(self) -> HttpCamera:
        assert isinstance(self.server, _Server)
        return self.server.camera

    def log_message(self, *_: object) -> None:
        """Say nothing."""

    def do_GET(self) -> None:
        self.camera.asked.append((self.path, self.headers.get("Authorization", "")))
        name = self.path.lstrip("/").partition("?")[0]
        name = {"api/camera_proxy_stream/camera.porch": "mjpeg", "api/stream.mp4": "mp4"}.get(name, name)
        if self.camera.faults.redirect:
            self._answer(302, b"", Location=self.camera.faults.redirect)
        elif self.camera.token and self.headers.get("Authorization") != f"Bearer {self.camera.token}":
            self._answer(401 if "Authorization" in self.headers else 403, b"")
        elif not self._is_welcome():
            how = 'Basic realm="camera"' if self.camera.basic else challenge(NONCE)
            self._answer(401, b"", **{"WWW-Authenticate": how})
        elif self.camera.faults.page:
            self._answer(200, b"<html><body>Camera</body></html>", **{"Content-Type": "text/html"})
        elif name in CONTAINERS:
            self._stream(name)
        else:
            self._answer(*_file(self.camera, name))

    def _is_welcome(self) -> bool:
        if not self.camera.login:
            return True
        user, _, password = self.camera.login.partition(":")
        answer = self.headers.get("Authorization", "")
        if self.camera.basic:
            return answer == "Basic " + base64.b64encode(self.camera.login.encode()).decode()
        return is_right(answer, "GET", NONCE, digest(user, password))

    def _answer(self, status: int, body: bytes, **headers: str) -> None:
        while self.camera.faults.stall and not self.camera.is_over:
            threading.Event().wait(0.02)
        if self.camera.is_over:
            self.close_connection = True
            return
        self.send_response(status)
        for key, value in headers.items():
            self.send_header(key, value)
        if self.path.endswith(".jpg"):
            self.send_header("Content-Type", "image/jpeg")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        with suppress(OSError):
            self.wfile.write(body)

    def _stream(self, name: str) -> None:
        self.close_connection = True
        self.send_response(200)
        self.send_header("Content-Type", CONTAINERS[name][0])
        self.end_headers()
        encoder, data = self.camera.stream(name)
        assert encoder.stdout is not None
        try:
            while data := data or encoder.stdout.read1(1 << 16):  # type: ignore[attr-defined]
                while self.camera.faults.stall and encoder.poll() is None:
                    threading.Event().wait(0.02)
                if self.camera.faults.garbage:
                    data = self.camera.faults.garbage
                self.wfile.write(data)
                self.wfile.flush()
                data = b""
        except (OSError, ValueError):
            pass
        finally:
            encoder.kill()
            encoder.wait()
            encoder.stdout.close()
            if encoder in self.camera.running:
                self.camera.running.remove(encoder)


def _file(camera: HttpCamera, name: str) -> tuple[int, bytes]:
    """Return status and content of what is no endless stream."""
    if name == "snapshot.jpg":
        return 200, camera.jpeg or _jpeg(camera)
    if name == "master.m3u8":
        variant = camera.variant or "live.m3u8"
        text = f"#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\nnone.m3u8\n#EXT-X-STREAM-INF:BANDWIDTH=9\n{variant}\n"
        return 200, text.encode()
    if camera.hls is not None and (camera.hls / name).is_file():
        return 200, (camera.hls / name).read_bytes()
    return 404, b""


def _jpeg(camera: HttpCamera) -> bytes:
    words = ["ffmpeg", "-v", "error", "-i", str(camera.clip), "-frames:v", "1", "-c:v", "mjpeg", "-f", "mjpeg", "-"]
    camera.jpeg = subprocess.run(words, stdin=subprocess.DEVNULL, capture_output=True, check=True).stdout
    return camera.jpeg
