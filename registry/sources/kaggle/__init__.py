"""Kaggle's models, through the API client of `kagglehub`."""
