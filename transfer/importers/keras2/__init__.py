"""Model configs of Keras 1, 2 and 3, translated to flat functional models of native Keras 3 layers.

`flatten` reads a config into a `Graph` of calls (no Keras needed), `build` makes the model, `fill` sets its weights.
"""
