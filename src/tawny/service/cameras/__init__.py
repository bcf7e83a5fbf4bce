"""One camera put together, and what can be changed of it while it runs."""
