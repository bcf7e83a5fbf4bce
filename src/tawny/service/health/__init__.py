"""Health of the recorder: problems, self-test and check-in."""
