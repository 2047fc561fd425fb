"""Arrays of samples in files: `.npz` and HDF5."""
