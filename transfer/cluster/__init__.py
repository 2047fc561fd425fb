"""Beyond one machine, on Ray: extraction by workers, a file a piece; nothing here is imported where it is not used."""
