"""Files that may be damaged or hostile: their bytes, and the containers that several formats have in common."""
