"""Data sets of hubs, and TFRecord files: one reader a file."""
