"""wsgidav as a process of its own: prints its port and serves a folder until its standard input is closed."""

import sys
import threading

from cheroot.wsgi import Server
from wsgidav.wsgidav_app import WsgiDAVApp


def main(root: str, password: str) -> None:
    settings = {
        "provider_mapping": {"/": root},
        "simple_dc": {"user_mapping": {"*": {"cam": {"password": password}}}},
        "http_authenticator": {"accept_basic": True, "accept_digest": False, "default_to_digest": False},
        "verbose": 0,
        "logging": {"enable": False},
        "lock_storage": True,
        "property_manager": True,
    }
    server = Server(("127.0.0.1", 0), WsgiDAVApp(settings))
    server.prepare()
    print(server.bind_addr[1], flush=True)
    threading.Thread(target=server.serve, daemon=True).start()
    sys.stdin.read()


if __name__ == "__main__":
    main(*sys.argv[1:3])
