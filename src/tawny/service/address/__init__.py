"""The recorder's own secure address: names and certificates."""
