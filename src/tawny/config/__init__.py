"""Settings: parse `tawny.toml`, validate it, edit it, and compare two versions."""
