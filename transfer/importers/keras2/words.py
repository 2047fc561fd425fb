"""Arguments that Keras 1 and 2 had under other names, and those that Keras 3 has no more."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

# Keras 1.2's documentation of layers, and the conversion table of Keras 2.0 (keras/legacy/interfaces.py).
RENAMED = {
    "W_constraint": "kernel_constraint",
    "W_regularizer": "kernel_regularizer",
    "U_regularizer": "recurrent_regularizer",
    "atrous_rate": "dilation_rate",
    "b_constraint": "bias_constraint",
    "b_regularizer": "bias_regularizer",
    "beta_init": "beta_initializer",
    "bias": "use_bias",
    "border_mode": "padding",
    "concat_axis": "axis",
    "dim_ordering": "data_format",
    "dropout_U": "recurrent_dropout",
    "dropout_W": "dropout",
    "filter_length": "kernel_size",
    "gamma_init": "gamma_initializer",
    "init": "kernel_initializer",
    "inner_activation": "recurrent_activation",
    "inner_init": "recurrent_initializer",
    "length": "size",
    "nb_filter": "filters",
    "output_dim": "units",
    "p": "rate",
    "pool_length": "pool_size",
    "sigma": "stddev",
    "stride": "strides",
    "subsample": "strides",
    "subsample_length": "strides",
}
OF_KIND = {
    "Embedding": {
        "output_dim": "output_dim",
        "init": "embeddings_initializer",
        "W_regularizer": "embeddings_regularizer",
        "W_constraint": "embeddings_constraint",
    },
    "GRUCell": {},
    "LeakyReLU": {"alpha": "negative_slope"},
    "PReLU": {"init": "alpha_initializer"},
    "ReLU": {"theta": "threshold"},
    "MultiHeadAttention": {"output_dim": "output_dim"},
}
# Where they had an effect at all, it is on speed, on training from fresh weights, or stated elsewhere in the config.
GONE = frozenset(
    {
        *("batch_input_shape", "batch_size", "consume_less", "dtype", "forget_bias_init", "fused", "implementation"),
        *("input_dim", "input_dtype", "input_length", "input_shape", "key_shape", "query_shape", "value_shape"),
        *("sparse", "ragged", "trainable", "renorm_clipping", "renorm_momentum", "experimental_synchronized"),
        *("mean", "variance", "quantization_config", "rng_type"),
    }
)
KEPT = {
    "Embedding": {"input_dim"},
    "Normalization": {"mean", "variance"},
    "CategoryEncoding": {"sparse"},
    "InputLayer": {"sparse", "ragged", "dtype"},
}
SIZES = (("nb_row", "nb_col"), ("kernel_dim1", "kernel_dim2", "kernel_dim3"))
ORDERINGS = {"tf": "channels_last", "th": "channels_first", "default": "channels_last"}


def worded(kind: str, given: Mapping[str, Any]) -> dict[str, Any]:
    """Return a config in Keras 3's words, its values as they are.

    >>> worded("Dense", {"name": "d", "output_dim": 3, "input_dim": 2, "bias": True})
    {'name': 'd', 'units': 3, 'use_bias': True}
    """
    words = RENAMED | OF_KIND.get(kind, {})
    found = {words.get(key, key): value for key, value in given.items()}
    for names in SIZES:
        if all(name in found for name in names):
            found["kernel_size"] = [found.pop(name) for name in names]
    if "data_format" in found:
        found["data_format"] = ORDERINGS.get(str(found["data_format"]), found["data_format"])
    gone = GONE - KEPT.get(kind, set())
    return {key: value for key, value in found.items() if key not in gone}
