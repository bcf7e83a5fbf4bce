"""Our own RTSP client: bytes in, packets out, nothing of what happened on the way hidden.

Only `connecting` and the two connections have sockets and a clock; all else takes bytes and gives values, so that it
is the same in a test, in the one thread that reads all cameras, and under a fuzzer.
"""
