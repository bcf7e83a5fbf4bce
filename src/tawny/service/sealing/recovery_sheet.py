"""Recovery sheet: a private key on paper, as text, as 24 words and as a QR code. It is never stored here."""

from dataclasses import dataclass
from html import escape
from io import StringIO
from typing import Final

import segno

from tawny.sealed.key_wrapping import Identity
from tawny.sealed.mnemonics import identity_words

BEFORE: Final = """\
Only someone with a key can open encrypted recordings. tawny can't. If you lose both the recovery sheet and the
passphrase, the recordings are lost and nobody can help you. Print the sheet or copy it by hand, and keep it away from
this computer, so that a thief or a fire can't take both."""
WARNING: Final = (
    "Print this sheet. If you lose it along with your passphrase and passkeys, nobody can open your video, "
    "including us."
)
_COLUMNS: Final = 4


@dataclass(frozen=True, slots=True, repr=False)
class RecoverySheet:
    """Content of a sheet. made: RFC 3339. recorder: its name. fingerprint: of its signed history; empty without one."""

    identity: Identity
    recorder: str
    fingerprint: str
    made: str

    @property
    def words(self) -> list[str]:
        return identity_words(self.identity)

    def text(self) -> str:
        """Return the sheet for a terminal, with the QR code in block characters."""
        code = StringIO()
        segno.make(self.identity.text, micro=False).terminal(code, compact=True)
        words = [f"{number:2} {word:<10}" for number, word in enumerate(self.words, 1)]
        rows = ["  ".join(words[at : at + _COLUMNS]).rstrip() for at in range(0, len(words), _COLUMNS)]
        return "\n".join(
            [
                f"RECOVERY SHEET for {self.recorder}, {self.made[:10]}",
                "Recorder fingerprint: "
                f"{self.fingerprint or 'see Settings > Encrypted recordings after the first start'}",
                "",
                *rows,
                "",
                self.identity.text,
                code.getvalue(),
                WARNING,
            ]
        )

    def html(self) -> str:
        """Return the sheet as one self-contained page, A4 or Letter."""
        code = segno.make(self.identity.text, micro=False).svg_inline(scale=4, border=2)
        cells = "".join(f"<li>{escape(word)}</li>" for word in self.words)
        return _PAGE.format(
            recorder=escape(self.recorder),
            made=escape(self.made[:10]),
            fingerprint=escape(self.fingerprint or "see Settings > Encrypted recordings after the first start"),
            words=cells,
            code=code,
            key=escape(self.identity.text),
            warning=escape(WARNING),
        )


_PAGE: Final = """\
<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Recovery sheet for {recorder}</title>
<style>
@page {{ margin: 18mm }}
body {{ font: 12pt/1.4 sans-serif; color: #000; background: #fff; max-width: 170mm; margin: auto }}
h1 {{ font-size: 18pt; margin: 0 }}
ol {{ columns: 3; font: 13pt/1.6 monospace; padding-left: 2.5em }}
code {{ font-size: 9pt; word-break: break-all }}
strong {{ display: block; border: 1pt solid; padding: 3mm; margin-top: 5mm }}
</style></head><body>
<h1>Recovery sheet for {recorder}</h1>
<p>Created {made}. It opens everything this recorder has encrypted.</p>
<p>Recorder fingerprint: <code>{fingerprint}</code></p>
<ol>{words}</ol>
<p>{code}</p>
<p><code>{key}</code></p>
<p>To use it, run <code>tawny decrypt --words FILES</code> and enter the 24 words in order,
or choose Unlock &gt; Recovery words in tawny.</p>
<strong>{warning}</strong>
</body></html>
"""
