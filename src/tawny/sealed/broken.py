"""Errors for data that differs from what its writer wrote."""


class SealedFileBroken(ValueError):
    """Invalid data. The message is for users."""


class WrongKey(SealedFileBroken):
    """None of the available keys opens the file."""
