"""Backup of everything but footage in one file behind a passphrase, and restoring it."""
