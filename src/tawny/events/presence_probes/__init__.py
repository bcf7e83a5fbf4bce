"""Presence probes in the local network: ICMP echo, TCP connections, ARP table, mDNS."""
