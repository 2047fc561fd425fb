"""Which arrays go into which weights: by rules, or by the one alignment that names, shapes and order allow."""
