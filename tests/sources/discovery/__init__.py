"""Tests of finding cameras."""
