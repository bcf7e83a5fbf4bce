"""Codecs and containers: parameter sets, fragmented MP4, and the only package that imports `av`."""
