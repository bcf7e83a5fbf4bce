"""What is raised when bytes are not what their writer wrote."""


class SealedFileBroken(ValueError):
    """Says what is wrong, in words for people."""


class WrongKey(SealedFileBroken):
    """None of the keys at hand opens it."""
