"""What is kept how long, and on which volumes."""
