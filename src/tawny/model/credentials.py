"""How passwords are written in the addresses of cameras, for what hides them and what stores them apart."""

import re
from typing import Final

PASSWORDS: Final = (
    r"pass(?:word|wd|wort)?|kennwort|pwd|psw|pw|loginpass?|(?:access_?|api_?)?token|auth|secret|(?:api_?)?key"
)
"""Pattern of the names of parameters whose values are passwords or keys."""
LOGINS_IN_PATH: Final = (
    re.compile(r"((?:(?:/|%2F){2}[^/@:%]*|/[\w.+-]*)(?::|%3A))([^/@]*?)(?=@|%40)", re.IGNORECASE),
    re.compile(r"(^/\d+/[\w.+-]+(?::|%3A))([^/@?]+)(?=/)", re.IGNORECASE),
)
"""What is before a password, and the password: another camera's address with its login, as servers such as go2rtc take
it as a parameter (`?src=rtsp://admin:x@host`), and a part after a number at the start (`/0/admin:password/main`):
elsewhere, what follows a colon is usually no password (`/vod/mp4:sample.mp4`)."""
