"""Formats of weights: from the bytes of a file to named arrays (`transfer.weights.foreign`)."""
