"""Who looks after the recorder itself."""
