"""Many recorders on one page, by HTTP: the hub's line and pages, and what a box answers its hub."""
