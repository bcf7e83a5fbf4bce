"""The cameras again by RTSP, for other programs: a camera is asked once, whoever wants its picture."""
