"""HLS and Low-Latency HLS from the ring buffer."""
