"""A run as one HTML page with its figures: `zoo report RUN`. It needs no TensorFlow."""
