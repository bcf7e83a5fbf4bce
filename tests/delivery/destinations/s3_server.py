"""moto's S3 server as a process of its own: prints its port and serves until its standard input is closed.

The access key `writer` has a policy with `s3:PutObject` only: every call that this action does not cover is refused as
Amazon does, also HEAD, ListParts and AbortMultipartUpload.
"""

import io
import sys
import threading
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from moto.moto_server.werkzeug_app import DomainDispatcherApplication, MotoRequestHandler, create_backend_app
from werkzeug.serving import make_server

ANSWERS = {
    "full": ("507 Insufficient Storage", "XMinioStorageFull", "Storage backend has reached its minimum free space."),
    "expired": ("400 Bad Request", "ExpiredToken", "The provided token has expired."),
    "busy": ("503 Slow Down", "SlowDown", "Please reduce your request rate."),
    "denied": ("403 Forbidden", "AccessDenied", "Access Denied"),
}
WRITER = "writer"


def failing(app: Callable[..., Iterable[bytes]], mode: str) -> Callable[..., Iterable[bytes]]:
    """As its mode says: keeps half of what it is sent, or refuses all."""

    def answer(environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        text = Path(mode).read_text() if mode and Path(mode).exists() else ""
        if f"Credential={WRITER}/" in environ.get("HTTP_AUTHORIZATION", "") and not _puts_object(environ):
            text = "denied"
        if text:
            body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
            if text in ANSWERS:
                status, code, words = ANSWERS[text]
                result = f"<Error><Code>{code}</Code><Message>{words}</Message></Error>".encode()
                start(status, [("Content-Type", "application/xml"), ("Content-Length", str(len(result)))])
                return [result]
            if environ["REQUEST_METHOD"] == "PUT":
                environ.pop("HTTP_CONTENT_MD5", None)
                body = body[: len(body) // 2]
            environ |= {"wsgi.input": io.BytesIO(body), "CONTENT_LENGTH": str(len(body))}
        return app(environ, start)

    return answer


def _puts_object(environ: dict[str, Any]) -> bool:
    """Return whether `s3:PutObject` covers this call: PutObject and the steps of a multipart upload."""
    has_key = "/" in environ["PATH_INFO"].strip("/")
    return has_key and environ["REQUEST_METHOD"] in ("PUT", "POST")


def main(mode: str = "") -> None:
    app = failing(DomainDispatcherApplication(create_backend_app), mode)
    server = make_server("127.0.0.1", 0, app, threaded=True, request_handler=MotoRequestHandler)
    print(server.server_port, flush=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    sys.stdin.read()


if __name__ == "__main__":
    main(*sys.argv[1:2])
