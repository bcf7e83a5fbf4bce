"""Composition root: wires all parts of a running tawny."""
