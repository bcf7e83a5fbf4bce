"""Wire formats used by sources, live and testing: RTP, RTSP, SDP, digest authentication. Bytes only."""
