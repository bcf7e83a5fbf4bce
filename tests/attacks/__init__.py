"""Attacks as an attacker would carry them out, each against the promise that it tests."""
