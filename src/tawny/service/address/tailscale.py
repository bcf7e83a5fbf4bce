"""Tailscale on this computer: whether it runs, and `tailscale serve`, which answers https in the tailnet for tawny.

Only the program `tailscale` is asked, with `status --json` and `serve`. It gets and renews the certificate itself.
"""

import json
import shutil
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from tawny.engine.system_user import user_name
from tawny.model.errors import NotDone

PROGRAM: Final = "tailscale"
STATUS_S: Final = 5.0
SERVE_S: Final = 30.0
"""`serve` waits for a decision in the browser where the tailnet doesn't allow it yet."""
HTTPS_PAGE: Final = "https://login.tailscale.com/admin/dns"
MOST_TEXT: Final = 300

Finished = subprocess.CompletedProcess[str]
RunProgram = Callable[[list[str], float], Finished]
"""Runs a command for at most this long, s. Raises OSError, subprocess.TimeoutExpired."""


@dataclass(frozen=True, slots=True)
class TailscaleStatus:
    """state: what it does. name: of this computer in the tailnet. has_https: the tailnet allows certificates."""

    state: str
    """`missing`, `stopped`, `signed-out`, `running`, or `unknown` with `trouble`."""
    name: str = ""
    has_https: bool = False
    trouble: str = ""


def run_program(command: list[str], timeout_s: float) -> Finished:
    """Run a program found on PATH."""
    path = shutil.which(command[0])
    if path is None:
        raise FileNotFoundError(command[0])
    return subprocess.run(
        [path, *command[1:]], capture_output=True, text=True, errors="replace", timeout=timeout_s, check=False,
        stdin=subprocess.DEVNULL,
    )  # fmt: skip


def tailscale_status(run: RunProgram = run_program) -> TailscaleStatus:
    """Ask `tailscale status --json`. Raises nothing."""
    try:
        answer = run([PROGRAM, "status", "--json", "--peers=false"], STATUS_S)
    except FileNotFoundError:
        return TailscaleStatus("missing")
    except (OSError, subprocess.TimeoutExpired):
        return TailscaleStatus("unknown", trouble="`tailscale status` isn't responding.")
    try:
        report = json.loads(answer.stdout)
    except ValueError:
        report = None
    if not isinstance(report, Mapping):
        if "failed to connect" in answer.stderr.lower():
            return TailscaleStatus("stopped")
        return TailscaleStatus("unknown", trouble=_first_line(answer.stderr) or "`tailscale status` said nothing.")
    return _understood(report)


def _understood(report: Mapping[str, Any]) -> TailscaleStatus:
    me = report.get("Self")
    name = str(me.get("DNSName", "")) if isinstance(me, Mapping) else ""
    certified = report.get("CertDomains")
    match report.get("BackendState"):
        case "Running":
            names = [str(one).rstrip(".") for one in certified] if isinstance(certified, list) else []
            return TailscaleStatus("running", names[0] if names else name.rstrip("."), bool(names))
        case "NeedsLogin" | "NeedsMachineAuth":
            return TailscaleStatus("signed-out")
        case "Stopped" | "NoState" | "Starting":
            return TailscaleStatus("stopped")
    return TailscaleStatus("unknown", trouble="`tailscale status` gave an answer that tawny doesn't know.")


def begin_serving(target: str, run: RunProgram = run_program) -> str:
    """Let Tailscale answer https for tawny at `target`, such as `http://127.0.0.1:8000`. Return the name.

    Raises NotDone: with what to do.
    """
    status = tailscale_status(run)
    match status.state:
        case "missing":
            raise NotDone("Tailscale isn't installed on this computer.", "Install it from tailscale.com/download.")
        case "stopped":
            raise NotDone("Tailscale isn't running on this computer.", "Start it: `sudo tailscale up`.")
        case "signed-out":
            raise NotDone("Tailscale isn't signed in on this computer.", "Sign in: `sudo tailscale up`.")
        case "unknown":
            raise NotDone("Tailscale's status is unknown.", status.trouble)
    if not status.has_https:
        raise NotDone("HTTPS isn't enabled in your tailnet.", f"Enable HTTPS certificates at {HTTPS_PAGE}, then retry.")
    _serve(["serve", "--bg", "--https=443", target], run)
    return status.name


def end_serving(run: RunProgram = run_program) -> None:
    """Stop answering, if it does. Raises NotDone."""
    if tailscale_status(run).state != "missing":
        _serve(["serve", "--https=443", "off"], run)


def _serve(words: list[str], run: RunProgram) -> None:
    try:
        answer = run([PROGRAM, *words], SERVE_S)
    except subprocess.TimeoutExpired as error:
        output = _text(error.stdout) + _text(error.stderr)
        page = next((word for word in output.split() if word.startswith("https://login.tailscale.com/")), "")
        if page:
            raise NotDone("Serve isn't enabled in your tailnet.", f"Enable it at {page}, then retry.") from None
        raise NotDone("`tailscale serve` isn't responding.", "Check Tailscale on this computer.") from None
    except OSError as error:
        raise NotDone(f"`tailscale serve` can't be run: {error.strerror}.", "Check Tailscale's installation.") from None
    output = f"{answer.stderr}\n{answer.stdout}"
    lower = output.lower()
    if answer.returncode == 0 or "handler does not exist" in lower:  # what is to end was ended by hand
        return
    if "access denied" in lower or "permission denied" in lower or "--operator" in lower:
        user = user_name()
        if not user:
            raise NotDone(
                "The user that runs tawny may not change Tailscale's settings.",
                "Tailscale permits it only to a user with a name: run tawny as one that has a name, then retry.",
            )
        raise NotDone(
            f"The user {user}, who runs tawny, may not change Tailscale's settings.",
            f"Run `sudo tailscale set --operator={user}` on the recorder, then retry.",
        )
    if "https" in lower and "enable" in lower:
        raise NotDone("HTTPS isn't enabled in your tailnet.", f"Enable HTTPS certificates at {HTTPS_PAGE}, then retry.")
    raise NotDone(f"`tailscale serve` failed: {_first_line(output) or 'no reason given'}", "Check Tailscale.")


def _text(output: str | bytes | None) -> str:
    return output.decode("utf-8", "replace") if isinstance(output, bytes) else output or ""


def _first_line(output: str) -> str:
    return next((line.strip()[:MOST_TEXT] for line in output.splitlines() if line.strip()), "")
