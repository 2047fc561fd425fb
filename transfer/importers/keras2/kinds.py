"""Which classes may be made from a config. Everything else is refused by name; nothing is looked up or imported."""

from __future__ import annotations

SPATIAL = frozenset(
    f"{kind}{rank}D"
    for rank in (1, 2, 3)
    for kind in (
        "AveragePooling",
        "Conv",
        "ConvLSTM",
        "Cropping",
        "GlobalAveragePooling",
        "GlobalMaxPooling",
        "MaxPooling",
        "SpatialDropout",
        "UpSampling",
        "ZeroPadding",
        "DepthwiseConv",
        "SeparableConv",
    )
    if f"{kind}{rank}D" not in ("DepthwiseConv3D", "SeparableConv3D")
) | {"Conv1DTranspose", "Conv2DTranspose", "Conv3DTranspose"}
RECURRENT = frozenset({"LSTM", "GRU", "SimpleRNN", "RNN"})
CELLS = frozenset({"LSTMCell", "GRUCell", "SimpleRNNCell", "StackedRNNCells"})
MERGES = frozenset({"Add", "Subtract", "Multiply", "Average", "Maximum", "Minimum"})
ELEMENTWISE = frozenset(
    {
        "ActivityRegularization",
        "AlphaDropout",
        "Dropout",
        "ELU",
        "GaussianDropout",
        "GaussianNoise",
        "Identity",
        "LeakyReLU",
        "ReLU",
    }
)
KINDS = (
    SPATIAL
    | RECURRENT
    | CELLS
    | MERGES
    | ELEMENTWISE
    | {
        "Activation",
        "AdditiveAttention",
        "Attention",
        "BatchNormalization",
        "Bidirectional",
        "CategoryEncoding",
        "CenterCrop",
        "Concatenate",
        "Dense",
        "Discretization",
        "Dot",
        "EinsumDense",
        "Embedding",
        "Flatten",
        "GroupNormalization",
        "GroupQueryAttention",
        "InputLayer",
        "LayerNormalization",
        "Masking",
        "MultiHeadAttention",
        "Normalization",
        "PReLU",
        "Permute",
        "RMSNormalization",
        "RandomBrightness",
        "RandomContrast",
        "RandomCrop",
        "RandomFlip",
        "RandomRotation",
        "RandomTranslation",
        "RandomZoom",
        "RepeatVector",
        "Rescaling",
        "Reshape",
        "Resizing",
        "Softmax",
        "TimeDistributed",
        "UnitNormalization",
    }
)
LOADED = frozenset(  # those that Keras itself makes of a Keras 3 config, where they need not be translated
    {
        *(f"Adaptive{kind}Pooling{rank}D" for kind in ("Average", "Max") for rank in (1, 2, 3)),
        *("AugMix", "AutoContrast", "CutMix", "Equalization", "MelSpectrogram", "MixUp", "RandAugment"),
        *("RandomColorDegeneration", "RandomColorJitter", "RandomElasticTransform", "RandomErasing"),
        *("RandomGaussianBlur", "RandomGrayscale", "RandomHue", "RandomInvert", "RandomPerspective"),
        *("RandomPosterization", "RandomSaturation", "RandomSharpness", "RandomShear", "ReversibleEmbedding"),
        *("STFTSpectrogram", "Solarization", "SpectralNormalization"),
    }
)
MODELS = frozenset({"Model", "Functional", "Sequential", "Graph"})
RENAMED = {
    "AtrousConvolution1D": "Conv1D",
    "AtrousConvolution2D": "Conv2D",
    "Convolution1D": "Conv1D",
    "Convolution2D": "Conv2D",
    "Convolution3D": "Conv3D",
    "Convolution2DTranspose": "Conv2DTranspose",
    "Convolution3DTranspose": "Conv3DTranspose",
    "Deconvolution2D": "Conv2DTranspose",
    "Deconvolution3D": "Conv3DTranspose",
    "SeparableConvolution1D": "SeparableConv1D",
    "SeparableConvolution2D": "SeparableConv2D",
    "BatchNormalizationV1": "BatchNormalization",
    "BatchNormalizationV2": "BatchNormalization",
    "SyncBatchNormalization": "BatchNormalization",
    "LayerNormalizationV1": "LayerNormalization",
    "CuDNNLSTM": "LSTM",
    "CuDNNGRU": "GRU",
    "LSTMV2": "LSTM",
    "GRUV2": "GRU",
    "ThresholdedReLU": "ReLU",
    "TimeDistributedDense": "Dense",
    "Dropout1D": "SpatialDropout1D",
    "Linear": "Identity",
    **{
        f"{short}{rank}D": f"{long}{rank}D"
        for rank in (1, 2, 3)
        for short, long in (
            ("AvgPool", "AveragePooling"),
            ("MaxPool", "MaxPooling"),
            ("GlobalAvgPool", "GlobalAveragePooling"),
            ("GlobalMaxPool", "GlobalMaxPooling"),
        )
    },
}
MERGE_MODES = {"sum": "Add", "mul": "Multiply", "ave": "Average", "max": "Maximum", "concat": "Concatenate"}
ACTIVATIONS = frozenset(
    {
        *("celu", "elu", "exponential", "gelu", "glu", "hard_shrink", "hard_sigmoid", "hard_silu", "hard_swish"),
        *("hard_tanh", "leaky_relu", "linear", "log_sigmoid", "log_softmax", "mish", "relu", "relu6", "selu"),
        *("sigmoid", "silu", "soft_shrink", "softmax", "softplus", "softsign", "sparse_plus", "sparse_sigmoid"),
        *("sparsemax", "squareplus", "swish", "tanh", "tanh_shrink", "threshold"),
    }
)
