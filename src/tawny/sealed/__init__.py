"""Sealed files, format 1: sealed to public keys, signed, and whole or seen not to be. Bytes alone, nothing of disks.

docs/unseal.py opens them in 80 lines. All integers are big-endian. What cannot
be read raises `Broken`, whatever the bytes are.
"""
