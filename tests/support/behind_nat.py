"""A network behind a router that translates addresses, as at home: nothing from outside can reach it."""

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass


@dataclass(frozen=True)
class Nat:
    """hub: this computer's address, as the home sees it. home: the namespace. inside: an address in it.

    This computer has a route to that address: only the router is in the way.
    """

    hub: str
    home: str
    inside: str
    router: str
    line: str

    def in_home(self, *words: str) -> list[str]:
        return ["ip", "netns", "exec", self.home, *words]

    def cut(self) -> None:
        """Pull the cable between the router and the rest of the world."""
        ip("-n", self.router, "link", "set", self.line, "down")

    def mend(self) -> None:
        ip("-n", self.router, "link", "set", self.line, "up")

    def sent_bytes(self) -> int:
        """Bytes that have left the home so far."""
        shown = subprocess.run(
            ["ip", "-n", self.router, "-s", "-j", "link", "show", self.line], capture_output=True, check=True
        )
        counted: int = json.loads(shown.stdout)[0]["stats64"]["tx"]["bytes"]
        return counted


def missing() -> str:
    """Return why there can be no such network here; empty: there can."""
    if os.geteuid() != 0:
        return "network namespaces need root"
    if tools := [tool for tool in ("ip", "nft") if shutil.which(tool) is None]:
        return f"{' and '.join(tools)} not installed"
    name = f"tawny-nat-try-{os.getpid()}"
    made = subprocess.run(["ip", "netns", "add", name], capture_output=True, text=True)
    words = ["ip", "netns", "exec", name, "nft", "-f", "-"]
    rules = subprocess.run(words, input=_rules("x"), capture_output=True, text=True)
    subprocess.run(["ip", "netns", "del", name], capture_output=True)
    is_fine = made.returncode == rules.returncode == 0
    return "" if is_fine else f"no address translation here: {made.stderr}{rules.stderr}".strip()


@contextmanager
def behind_nat() -> Iterator[Nat]:
    number = os.getpid() % 200 + 20
    home, router = f"tawny-home-{number}", f"tawny-router-{number}"
    outer, inner = f"10.221.{number}", f"10.222.{number}"
    line = f"tnr{number}"
    with ExitStack() as undo:
        for name in (home, router):
            ip("netns", "add", name)
            undo.callback(subprocess.run, ["ip", "netns", "del", name], capture_output=True)
            ip("-n", name, "link", "set", "lo", "up")
        ip("link", "add", f"tnh{number}", "type", "veth", "peer", "name", line, "netns", router)
        ip("-n", home, "link", "add", f"tnb{number}", "type", "veth", "peer", "name", f"tnl{number}", "netns", router)
        ip("addr", "add", f"{outer}.1/30", "dev", f"tnh{number}")
        ip("link", "set", f"tnh{number}", "up")
        for where, name, at in (
            (router, line, f"{outer}.2"), (router, f"tnl{number}", f"{inner}.1"), (home, f"tnb{number}", f"{inner}.2")
        ):  # fmt: skip
            ip("-n", where, "addr", "add", f"{at}/30", "dev", name)
            ip("-n", where, "link", "set", name, "up")
        ip("-n", home, "route", "add", "default", "via", f"{inner}.1")
        ip("route", "add", f"{inner}.0/30", "via", f"{outer}.2")
        inside = ["ip", "netns", "exec", router]
        subprocess.run([*inside, "sh", "-c", "echo 1 > /proc/sys/net/ipv4/ip_forward"], check=True)
        subprocess.run([*inside, "nft", "-f", "-"], input=_rules(line), text=True, check=True)
        yield Nat(f"{outer}.1", home, f"{inner}.2", router, line)


def ip(*words: str) -> None:
    done = subprocess.run(["ip", *words], capture_output=True, text=True)
    assert done.returncode == 0, f"ip {' '.join(words)}: {done.stderr}"


def _rules(line: str) -> str:
    return f"""table ip nat {{
  chain post {{ type nat hook postrouting priority 100; oifname "{line}" masquerade; }}
}}
table ip filter {{
  chain forward {{
    type filter hook forward priority 0; iifname "{line}" ct state established,related accept
    iifname "{line}" drop
  }}
}}
""".replace("; }", "\n }")
