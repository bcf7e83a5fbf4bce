"""RTP packetization and RTCP."""
