"""Images: folders, tables that name or hold them, and the feed that decodes them. Pillow is imported here only."""
