"""The application's own interface: what the recorder can do, without HTTP."""
