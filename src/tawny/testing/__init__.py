"""Test support for tawny and for authors of plug-ins."""
