"""What reuse is held against, and by which figures."""
