"""Beyond one machine, on Ray: extraction by workers, a file a piece, and phases that they train together."""
