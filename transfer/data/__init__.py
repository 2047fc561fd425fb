"""Data: from a reference to arrays with labels, splits and a fingerprint."""
