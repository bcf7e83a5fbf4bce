"""pyftpdlib as a process of its own: prints its port and serves a folder until its standard input is closed."""

import os
import sys
import threading
import time
from pathlib import Path

from pyftpdlib.authorizers import DummyAuthorizer
from pyftpdlib.handlers import DTPHandler, FTPHandler, TLS_FTPHandler
from pyftpdlib.servers import ThreadedFTPServer

SCAN_S = 1.5


def said(mode: str) -> str:
    return Path(mode).read_text() if mode and Path(mode).exists() else ""


def main(root: str, password: str, certificate: str, mode: str = "") -> None:
    authorizer = DummyAuthorizer()
    rights = "elrafmwMT" if said(mode) == "no-delete" else "elradfmwMT"
    authorizer.add_user("cam", password, root, perm=rights)
    more = {"certfile": certificate, "tls_data_required": True} if certificate else {}
    kind = TLS_FTPHandler if certificate else FTPHandler

    def received(self: object, file: str) -> None:
        if said(mode) == "lies":
            os.truncate(file, Path(file).stat().st_size // 2)

    def stor(self: FTPHandler, *words: str, **more: str) -> object:
        if said(mode) == "full":
            self.respond("552 There is no room.")
            return None
        if said(mode) == "no-rest" and self._restart_position:
            self._restart_position = 0
            self.respond("451 Append/Restart not permitted, try again")
            return None
        return kind.ftp_STOR(self, *words, **more)

    def unknown(self: FTPHandler, *_: str) -> None:
        self.respond("500 Unknown command.")

    def closed(self: DTPHandler) -> None:
        if self.receive and said(mode) == "scans":
            time.sleep(SCAN_S)
        kind.dtp_handler.handle_close(self)

    own = {"authorizer": authorizer, "on_file_received": received, "ftp_STOR": stor}
    own["dtp_handler"] = type("Data", (kind.dtp_handler,), {"handle_close": closed})
    if said(mode) == "no-mlsd":
        own |= {"ftp_MLSD": unknown, "ftp_OPTS": unknown}
    if said(mode) == "latin-1":
        own |= {"banner": "Willkommen bei Müller", "encoding": "latin-1"}
    handler = type("Handler", (kind,), own | more)
    server = ThreadedFTPServer(("127.0.0.1", 0), handler)
    print(server.address[1], flush=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    sys.stdin.read()


if __name__ == "__main__":
    main(*sys.argv[1:5])
