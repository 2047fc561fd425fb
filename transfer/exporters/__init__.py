"""From a Keras model to files of other formats, each compared with the model before anyone uses it."""
