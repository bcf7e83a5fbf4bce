"""Built-in types of destinations."""
