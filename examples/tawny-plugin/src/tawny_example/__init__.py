"""An example of a tawny plug-in."""
