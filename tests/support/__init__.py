"""What tests and benchmarks share: drawn scenes, weather, plates, and a search of the memory of a process."""
