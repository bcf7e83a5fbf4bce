"""Live streaming from the ring buffer to browsers and players."""
