"""Codecs and containers: parameter sets, our own fragmented MP4, and the only importer of `av`."""
