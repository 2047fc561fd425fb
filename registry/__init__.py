"""The catalogue of models: references, cards, revisions and their bytes.

Nothing here imports TensorFlow, Keras, h5py or typer: what only looks at the catalogue starts at once.
"""
