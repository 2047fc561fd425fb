"""The compiled training loop, and what it minimises by which rule."""
