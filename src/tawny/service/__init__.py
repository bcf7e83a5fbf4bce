"""Service layer: everything the recorder offers, independent of HTTP."""
