"""What is wrong with the computer and tawny's surroundings (`tawny doctor`), and the diagnostics bundle."""
