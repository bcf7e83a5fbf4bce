"""HLS and low-latency HLS from the ring."""
