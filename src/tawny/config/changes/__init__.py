"""Edits of the settings file that keep comments and order."""
