"""Audio codecs: G.711, AAC, Opus."""
