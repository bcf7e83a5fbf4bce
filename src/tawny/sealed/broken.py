"""Errors for data that differs from what its writer wrote."""


class SealedFileBroken(ValueError):
    """Invalid data. The message is for users."""


class WrongKey(SealedFileBroken):
    """None of the available keys opens the file."""


class WrongPassphrase(WrongKey):
    """The file is whole, and another passphrase locks it; or its wrapped key was changed, which looks the same."""


class WorkFactorRefused(SealedFileBroken):
    """The file asks for more work than any program writes."""


class NotEnoughMemory(SealedFileBroken):
    """The work factor needs more memory than there is."""
