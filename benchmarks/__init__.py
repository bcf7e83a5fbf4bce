"""Each prints a figure beside a named peer or limit, and fails over its budget."""
