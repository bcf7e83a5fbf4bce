"""Keys of sealed recordings on disk."""
