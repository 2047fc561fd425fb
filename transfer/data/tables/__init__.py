"""Tables: CSV, TSV, Parquet and Arrow files, from their rows to the numbers that a model takes."""
