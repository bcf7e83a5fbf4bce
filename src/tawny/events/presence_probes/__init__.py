"""Ways to see on the network whether somebody is at home: echo requests, connections, the neighbours' table, mDNS."""
