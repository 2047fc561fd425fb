"""TF Hub modules by their handle, a URL (https://www.tensorflow.org/hub/hosting)."""
