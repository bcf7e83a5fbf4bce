"""Built-in RTSP client: turns received bytes into packets and reports all losses and protocol violations.

Only `tcp_socket`, the connections and `backchannel` use sockets and a clock. All other modules map bytes to values, so
that they behave identically in tests, in the shared reader thread and under a fuzzer.
"""
