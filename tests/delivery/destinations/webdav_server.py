"""wsgidav as a process of its own: prints its port and serves a folder until its standard input is closed."""

import io
import sys
import threading
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from cheroot.wsgi import Server
from wsgidav.wsgidav_app import WsgiDAVApp

SLOW_S = 0.6


def _is_forbidden(path: str) -> bool:
    return path.endswith((".part", ".filepart"))


def failing(app: Callable[..., Iterable[bytes]], mode: str) -> Callable[..., Iterable[bytes]]:
    """As its mode says: keeps half of a file, or has no room; refuses names, answers late, or takes a file in vain.

    Or it refuses the login: for all, or to delete.
    """

    def answer(environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        text = Path(mode).read_text() if mode and Path(mode).exists() else ""
        if text == "nextcloud" and environ["REQUEST_METHOD"] in ("PUT", "MOVE") and _is_forbidden(environ["PATH_INFO"]):
            environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
            start("400 Bad Request", [("Content-Length", "0")])
            return [b""]
        if text == "signed out" or (text == "undeletable" and environ["REQUEST_METHOD"] == "DELETE"):
            start("401 Unauthorized", [("Content-Length", "0")])
            return [b""]
        if environ["REQUEST_METHOD"] == "PUT" and text in ("slow", "unanswered"):
            done = b"".join(app(environ, start if text == "slow" else lambda *_: None))
            if text == "slow":
                time.sleep(SLOW_S)
                return [done]
            start("504 Gateway Timeout", [("Content-Length", "0")])
            return [b""]
        if environ["REQUEST_METHOD"] == "PUT" and text in ("lies", "full"):
            body = environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"]))
            if text == "full":
                start("507 Insufficient Storage", [("Content-Length", "0")])
                return [b""]
            half = body[: len(body) // 2]
            environ |= {"wsgi.input": io.BytesIO(half), "CONTENT_LENGTH": str(len(half))}
        return app(environ, start)

    return answer


def main(root: str, password: str, mode: str = "") -> None:
    settings = {
        "provider_mapping": {"/": root},
        "simple_dc": {"user_mapping": {"*": {"cam": {"password": password}}}},
        "http_authenticator": {"accept_basic": True, "accept_digest": False, "default_to_digest": False},
        "verbose": 0,
        "logging": {"enable": False},
        "lock_storage": True,
        "property_manager": True,
    }
    server = Server(("127.0.0.1", 0), failing(WsgiDAVApp(settings), mode))
    server.prepare()
    print(server.bind_addr[1], flush=True)
    threading.Thread(target=server.serve, daemon=True).start()
    sys.stdin.read()


if __name__ == "__main__":
    main(*sys.argv[1:4])
