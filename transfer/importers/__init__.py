"""Importers: from a foreign file to a Keras model, one module a format and one row in `table`."""
