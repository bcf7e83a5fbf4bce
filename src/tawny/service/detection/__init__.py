"""Detection per camera: watchers, classification, recognition and learned identities."""
