"""Disks and volumes: file layer, layout, locks, mirror, failover."""
