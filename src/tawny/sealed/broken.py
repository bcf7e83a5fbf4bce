"""What is raised when bytes are not what their writer wrote."""


class Broken(ValueError):
    """Says what is wrong, in words for people."""


class WrongKey(Broken):
    """None of the keys at hand opens it."""
