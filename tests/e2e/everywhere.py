"""Real servers of every kind on loopback, the settings that name them, and what has arrived at each.

WebDAV, OpenSSH, FTPS and S3 for files; Mosquitto, SMTP and a chat's stand-in for messages.
"""

import json
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from tawny.testing.http_service import ReceivedRequest, Reply, StandIn, served
from tests.delivery import broker
from tests.delivery.notifiers.test_email import Post, running
from tests.faults.delivering import Place, Tree
from tests.faults.places import PASSWORD, running_servers

PLACES = ("dav", "ftps", "s3", "sftp")
TOLD = ("mqtt", "mail", "chat")


@dataclass(frozen=True)
class Everywhere:
    """tables: of each destination and notifier by its name, as `tawny.toml` has them. trees: what each place has."""

    tables: dict[str, str]
    trees: dict[str, Tree]
    chat: StandIn
    post: Post


@contextmanager
def everywhere(home: Path) -> Iterator[Everywhere]:
    (home / "broker").mkdir()
    with ExitStack() as all_of:
        servers = all_of.enter_context(running_servers(home))
        mqtt = all_of.enter_context(broker.served(home / "broker", PASSWORD))
        post = all_of.enter_context(running(Post()))
        chat = all_of.enter_context(served(StandIn(_answer)))
        places = {kind: servers.place(kind) for kind in PLACES}
        tables = {
            **{kind: _table(kind, place) for kind, place in places.items()},
            "mqtt": f'[notifiers.mqtt]\nurl = "mqtt://{broker.USER}:{PASSWORD}@127.0.0.1:{mqtt.port}/house/messages"\n',
            "mail": f'[notifiers.mail]\nurl = "smtp+plain://127.0.0.1:{post.port}"\n'
            'to = "anna@example.org"\nsender = "tawny@example.org"\n',
            "chat": f'[notifiers.chat]\nurl = "telegram://123:token@42"\napi = "{chat.base}"\n',
        }
        yield Everywhere(tables, {kind: place.tree for kind, place in places.items()}, chat, post)


def _table(name: str, place: Place) -> str:
    settings = {"url": place.url.format(port=place.port), **place.table}
    return f"[destinations.{name}]\n" + "".join(f"{key} = {json.dumps(value)}\n" for key, value in settings.items())


def _answer(asked: ReceivedRequest) -> Reply:
    return 200, {"ok": True, "result": {"message_id": 7} if "/send" in asked.path else []}
