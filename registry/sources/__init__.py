"""Where models are looked up: one file a source, behind one protocol."""
