"""Encryption: sealing policy, recipients and unlock methods."""
