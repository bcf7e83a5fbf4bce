"""Real servers of every kind on loopback, the settings that name them, and what has arrived at each.

WebDAV, OpenSSH, FTP inside TLS and S3 for files; Mosquitto, SMTP and a chat's stand-in for messages.
"""

import os
import pwd
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
from botocore.client import Config
from cryptography import x509
from cryptography.hazmat.primitives import hashes

from tests.actions import broker
from tests.actions.certificates import self_signed
from tests.actions.destinations.servers import dav_server, ftp_server, s3_server, ssh_server
from tests.actions.notifiers.stand_in import Asked, Reply, StandIn, served
from tests.actions.notifiers.test_email import Post, running

PLACES = ("dav", "ftps", "s3", "sftp")
TOLD = ("mqtt", "mail", "chat")


@dataclass(frozen=True)
class Everywhere:
    """tables: of each destination and notifier by its name, as `tawny.toml` has them."""

    tables: dict[str, str]
    folders: dict[str, Path]
    bucket: Any
    chat: StandIn
    post: Post

    def names(self, place: str) -> set[str]:
        """What lies there, whole or not."""
        if place == "s3":
            return {one.key for one in self.bucket.objects.all()}
        folder = self.folders[place]
        return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}

    def read(self, place: str, name: str) -> bytes:
        if place == "s3":
            return bytes(self.bucket.Object(name).get()["Body"].read())
        return (self.folders[place] / name).read_bytes()


@contextmanager
def everywhere(home: Path) -> Iterator[Everywhere]:
    with ExitStack() as all_of:
        folders = {place: home / place for place in ("dav", "ftps", "sftp", "ssh", "broker")}
        for folder in folders.values():
            folder.mkdir()
        pem = self_signed(home)
        print_of = x509.load_pem_x509_certificate(pem.read_bytes()).fingerprint(hashes.SHA256()).hex()
        dav = all_of.enter_context(dav_server(folders["dav"], "ofatest"))
        ftps = all_of.enter_context(ftp_server(folders["ftps"], "ofatest", str(pem)))
        ssh = all_of.enter_context(ssh_server(folders["ssh"]))
        s3 = all_of.enter_context(s3_server())
        mqtt = all_of.enter_context(broker.served(folders["broker"], "ofatest"))
        post = all_of.enter_context(running(Post()))
        chat = all_of.enter_context(served(StandIn(_answer)))
        user, there = pwd.getpwuid(os.geteuid()).pw_name, str(folders["sftp"]).replace("/", "%2F", 1)
        tables = {
            "dav": f'[destinations.dav]\nurl = "dav://cam:ofatest@127.0.0.1:{dav}/"\n',
            "ftps": f'[destinations.ftps]\nurl = "ftps://cam:ofatest@127.0.0.1:{ftps}/"\nfingerprint = "{print_of}"\n',
            "s3": f'[destinations.s3]\nurl = "s3://key:secret@cam?endpoint={s3}"\n',
            "sftp": f'[destinations.sftp]\nurl = "sftp://{user}@127.0.0.1:{ssh.port}/{there}"\n'
            f'host_key = "{ssh.host_key}"\nkey = "{ssh.key}"\n',
            "mqtt": f'[notifiers.mqtt]\nurl = "mqtt://{broker.USER}:ofatest@127.0.0.1:{mqtt.port}/house/messages"\n',
            "mail": f'[notifiers.mail]\nurl = "smtp+plain://127.0.0.1:{post.port}"\n'
            'to = "anna@example.org"\nsender = "tawny@example.org"\n',
            "chat": f'[notifiers.chat]\nurl = "telegram://123:token@42"\napi = "{chat.base}"\n',
        }
        yield Everywhere(
            tables,
            folders,
            _bucket(s3),
            chat,
            post,
        )


def _answer(asked: Asked) -> Reply:
    return 200, {"ok": True, "result": {"message_id": 7} if "/send" in asked.path else []}


def _bucket(server: str) -> Any:
    keys = {"aws_access_key_id": "key", "aws_secret_access_key": "secret", "region_name": "us-east-1"}
    path = Config(s3={"addressing_style": "path"})
    made = boto3.resource("s3", endpoint_url=server, config=path, **keys).Bucket("cam")
    made.create()
    return made
