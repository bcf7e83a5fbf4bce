"""wsgidav as a process of its own: prints its port and serves a folder until its standard input is closed."""

import io
import sys
import threading
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from cheroot.wsgi import Server
from wsgidav.wsgidav_app import WsgiDAVApp


def failing(app: Callable[..., Iterable[bytes]], mode: str) -> Callable[..., Iterable[bytes]]:
    """As its mode says: keeps half of a file, or has no room."""

    def answer(environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        said = Path(mode).read_text() if mode and Path(mode).exists() else ""
        if environ["REQUEST_METHOD"] == "PUT" and said:
            body = environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"]))
            if said == "full":
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
