"""Wire formats shared by sources, live and testing: RTP, RTSP, SDP, digest authentication. No I/O."""
