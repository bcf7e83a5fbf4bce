"""DTLS server of one connection (RFC 5764). The browser initiates; the handshake yields the SRTP keys.

Invariant: nothing is sent unless the browser's certificate matches the fingerprint in its offer.
"""

import asyncio
import datetime as dt
import secrets
from collections.abc import Callable, Iterator
from struct import unpack_from
from typing import NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from OpenSSL import SSL
from pylibsrtp import Error as SrtpError
from pylibsrtp import Policy, Session

DATAGRAM_BYTES = 1200
LASTS_DAYS = 3650
_CIPHERS = b"ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-ECDSA-AES256-GCM-SHA384"
_HEAD_BYTES = 13
_LABEL = b"EXTRACTOR-dtls_srtp"


class _Profile(NamedTuple):
    openssl: bytes
    srtp: int
    key_bytes: int
    salt_bytes: int

    @property
    def is_built_in(self) -> bool:
        try:
            Policy(srtp_profile=self.srtp)
        except SrtpError:
            return False
        return True


_PROFILES = tuple(
    profile
    for profile in (
        _Profile(b"SRTP_AEAD_AES_128_GCM", Policy.SRTP_PROFILE_AEAD_AES_128_GCM, 16, 12),
        _Profile(b"SRTP_AES128_CM_SHA1_80", Policy.SRTP_PROFILE_AES128_CM_SHA1_80, 16, 14),
    )
    if profile.is_built_in
)


class Certificate:
    """Self-signed certificate for all connections. fingerprint: SHA-256 in SDP notation."""

    def __init__(self, now: dt.datetime) -> None:
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "tawny")])
        made = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - dt.timedelta(days=1))
            .not_valid_after(now + dt.timedelta(days=LASTS_DAYS))
            .sign(key, hashes.SHA256())
        )
        self.fingerprint = _fingerprint(made, hashes.SHA256())
        self.context = SSL.Context(SSL.DTLS_METHOD)
        self.context.set_options(SSL.OP_NO_TICKET)
        self.context.set_verify(SSL.VERIFY_PEER | SSL.VERIFY_FAIL_IF_NO_PEER_CERT, lambda *_: True)
        self.context.use_certificate(made)
        self.context.use_privatekey(key)
        self.context.set_cipher_list(_CIPHERS)
        self.context.set_tlsext_use_srtp(b":".join(profile.openssl for profile in _PROFILES))


class Dtls:
    """One DTLS session. Callbacks report datagrams to send, readiness, received data and the end."""

    def __init__(
        self,
        certificate: Certificate,
        fingerprint: tuple[str, str],
        *,
        send: Callable[[bytes], None],
        ready: Callable[[], None],
        on_data: Callable[[bytes], None],
        ended: Callable[[str], None],
    ) -> None:
        """send: transmits a datagram to the viewer. ready: media can be sent.

        on_data: receives data channel payload. ended: receives the reason. fingerprint: of the viewer's certificate, as
        algorithm and colon-separated hex.
        """
        self._send, self._ready, self._on_data, self._ended = send, ready, on_data, ended
        self._fingerprint = fingerprint
        self._ssl = SSL.Connection(certificate.context)
        self._ssl.set_ciphertext_mtu(DATAGRAM_BYTES)
        self._ssl.set_accept_state()
        self._out: Session | None = None
        self._in: Session | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._is_over = False

    @property
    def is_ready(self) -> bool:
        return self._out is not None and not self._is_over

    def take(self, data: bytes) -> None:
        """Process a received DTLS datagram."""
        if self._is_over:
            return
        self._ssl.bio_write(data)
        try:
            if self._out is None:
                self._ssl.do_handshake()
                self._flush()
                self._secured()
            while not self._is_over:
                self._on_data(self._ssl.recv(65_536))
        except SSL.WantReadError:
            self._flush()
            self._wait()
        except (SSL.ZeroReturnError, SSL.Error):
            self._flush()
            self._over("closed")

    def send(self, data: bytes) -> None:
        """Send data channel payload."""
        if self.is_ready:
            self._ssl.send(data)
            self._flush()

    def protect(self, rtp: bytes) -> bytes:
        assert self._out is not None
        return self._out.protect(rtp)

    def protect_rtcp(self, rtcp: bytes) -> bytes:
        assert self._out is not None
        return self._out.protect_rtcp(rtcp)

    def unprotect(self, data: bytes) -> bytes | None:
        """Return the decrypted RTP; None if authentication fails, or if it came before."""
        if self._in is None or self._is_over:
            return None
        try:
            return self._in.unprotect(data)
        except SrtpError:
            return None

    def unprotect_rtcp(self, data: bytes) -> bytes | None:
        """Return the decrypted RTCP; None if authentication fails."""
        if self._in is None or self._is_over:
            return None
        try:
            return self._in.unprotect_rtcp(data)
        except SrtpError:
            return None

    def close(self) -> None:
        if self._is_over:
            return
        self._is_over = True
        if self._timer:
            self._timer.cancel()
        if self._out is not None:
            try:
                self._ssl.shutdown()
            except SSL.Error:
                return
            self._flush()

    def _secured(self) -> None:
        """Complete the handshake: verify the viewer's certificate and derive the SRTP keys."""
        algorithm, expected = self._fingerprint
        digest = {"sha-256": hashes.SHA256(), "sha-384": hashes.SHA384(), "sha-512": hashes.SHA512()}[algorithm]
        theirs = self._ssl.get_peer_certificate(as_cryptography=True)
        if theirs is None or not secrets.compare_digest(_fingerprint(theirs, digest), expected.upper()):
            self._over("the certificate doesn't match the offer's fingerprint")
            return
        chosen = self._ssl.get_selected_srtp_profile()
        profile = next((each for each in _PROFILES if each.openssl == chosen), None)
        if profile is None:
            self._over("no common way to protect media")
            return
        key, salt = profile.key_bytes, profile.salt_bytes
        made = self._ssl.export_keying_material(_LABEL, 2 * (key + salt))
        salts = made[2 * key :]
        self._in = Session(_policy(profile, made[:key] + salts[:salt], Policy.SSRC_ANY_INBOUND))
        self._out = Session(_policy(profile, made[key : 2 * key] + salts[salt:], Policy.SSRC_ANY_OUTBOUND))
        self._ready()

    def _over(self, why: str) -> None:
        if not self._is_over:
            self._is_over = True
            if self._timer:
                self._timer.cancel()
            self._ended(why)

    def _flush(self) -> None:
        written = b""
        while True:
            try:
                written += self._ssl.bio_read(65_536)
            except SSL.WantReadError:
                break
        for datagram in _datagrams(written):
            self._send(datagram)

    def _wait(self) -> None:
        """Schedule a retransmission of the handshake message."""
        if self._timer:
            self._timer.cancel()
        due_s = self._ssl.DTLSv1_get_timeout()
        if due_s is not None and not self._is_over:
            self._timer = asyncio.get_running_loop().call_later(due_s, self._again)

    def _again(self) -> None:
        try:
            self._ssl.DTLSv1_handle_timeout()
        except SSL.Error:
            self._over("no answer to the handshake")
            return
        self._flush()
        self._wait()


def _policy(profile: _Profile, key: bytes, which: int) -> Policy:
    policy = Policy(key=key, ssrc_type=which, srtp_profile=profile.srtp)
    policy.allow_repeat_tx = True
    policy.window_size = 1024
    return policy


def _fingerprint(certificate: x509.Certificate, digest: hashes.HashAlgorithm) -> str:
    return certificate.fingerprint(digest).hex(":").upper()


def _datagrams(written: bytes) -> Iterator[bytes]:
    """Pack DTLS records into datagrams of at most DATAGRAM_BYTES."""
    begin = at = 0
    while at + _HEAD_BYTES <= len(written):
        end = at + _HEAD_BYTES + int(unpack_from(">H", written, at + 11)[0])
        if end - begin > DATAGRAM_BYTES and at > begin:
            yield written[begin:at]
            begin = at
        at = end
    if at > begin:
        yield written[begin:at]
