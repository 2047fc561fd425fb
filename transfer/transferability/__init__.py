"""Scores that say from features alone, without training, how well a model will transfer."""
