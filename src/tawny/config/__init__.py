"""`tawny.toml` to typed settings and back; what changed between two settings."""
