"""pyftpdlib as a process of its own: prints its port and serves a folder until its standard input is closed."""

import sys
import threading

from pyftpdlib.authorizers import DummyAuthorizer
from pyftpdlib.handlers import FTPHandler, TLS_FTPHandler
from pyftpdlib.servers import ThreadedFTPServer


def main(root: str, password: str, certificate: str) -> None:
    authorizer = DummyAuthorizer()
    authorizer.add_user("cam", password, root, perm="elradfmwMT")
    more = {"certfile": certificate, "tls_data_required": True} if certificate else {}
    handler = type("Handler", (TLS_FTPHandler if certificate else FTPHandler,), {"authorizer": authorizer, **more})
    server = ThreadedFTPServer(("127.0.0.1", 0), handler)
    print(server.address[1], flush=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    sys.stdin.read()


if __name__ == "__main__":
    main(*sys.argv[1:4])
