"""Folders at fsspec URLs: on this machine, or in a bucket."""
