"""Sealed file format 1: encryption to public keys, signatures and verification. Works on bytes, no file access.

docs/unseal.py opens such files in 80 lines. All integers are big-endian. Unreadable data raises `SealedFileBroken`,
whatever the bytes are.
"""
