"""Wire formats shared by sources, live and testing: RTP, RTCP, RTSP, SDP, digest authentication, SOAP. No I/O."""
