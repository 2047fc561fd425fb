"""A transfer's choices as values, and what follows from them. Pure: no Keras."""
