"""Video codecs: NAL units, parameter sets, decoding, encoding, demuxing."""
