"""Weights that came without their architecture: read, matched by name, turned, and filled in."""
