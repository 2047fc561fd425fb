"""The names and numbers of the TensorFlow Lite schema, as far as it is read.

Source: `tensorflow/compiler/mlir/lite/schema/schema.fbs`, version 3c. `tests/test_tflite_file.py` compares it with
TensorFlow's own module.
"""

from __future__ import annotations

IDENTIFIER = b"TFL3"

MODEL = {"version": 0, "operator_codes": 1, "subgraphs": 2, "buffers": 4, "signature_defs": 7}
OPERATOR_CODE = {"deprecated_builtin_code": 0, "custom_code": 1, "builtin_code": 3}
SUBGRAPH = {"tensors": 0, "inputs": 1, "outputs": 2, "operators": 3}
TENSOR = {"shape": 0, "type": 1, "buffer": 2, "name": 3, "quantization": 4, "is_variable": 5, "sparsity": 6,
          "shape_signature": 7, "external_buffer": 10}  # fmt: skip
BUFFER = {"data": 0, "offset": 1, "size": 2}
OPERATOR = {"opcode_index": 0, "inputs": 1, "outputs": 2, "builtin_options": 4}
QUANTIZATION = {"scale": 2, "zero_point": 3, "details_type": 4, "quantized_dimension": 6}
SIGNATURE = {"inputs": 0, "outputs": 1, "signature_key": 2, "subgraph_index": 4}
TENSOR_MAP = {"name": 0, "tensor_index": 1}
SPARSITY = {"traversal_order": 0, "block_map": 1, "dim_metadata": 2}
DIMENSION = {"format": 0, "dense_size": 1, "array_segments_type": 2, "array_segments": 3, "array_indices_type": 4,
             "array_indices": 5}  # fmt: skip

# TensorType: its name and NumPy's type; None where no weight has it.
TYPES: dict[int, tuple[str, str | None]] = {
    0: ("FLOAT32", "<f4"), 1: ("FLOAT16", "<f2"), 2: ("INT32", "<i4"), 3: ("UINT8", "<u1"), 4: ("INT64", "<i8"),
    5: ("STRING", None), 6: ("BOOL", "?"), 7: ("INT16", "<i2"), 8: ("COMPLEX64", None), 9: ("INT8", "<i1"),
    10: ("FLOAT64", "<f8"), 11: ("COMPLEX128", None), 12: ("UINT64", "<u8"), 13: ("RESOURCE", None),
    14: ("VARIANT", None), 15: ("UINT32", "<u4"), 16: ("UINT16", "<u2"), 17: ("INT4", None), 18: ("BFLOAT16", None),
    19: ("INT2", None), 20: ("UINT4", None),
}  # fmt: skip

ACTIVATIONS = ("NONE", "RELU", "RELU_N1_TO_1", "RELU6", "TANH", "SIGN_BIT")
PADDINGS = ("same", "valid")
CUSTOM = 32

# BuiltinOperator, in its order from 0.
OPERATORS = tuple(
    """
    ADD AVERAGE_POOL_2D CONCATENATION CONV_2D DEPTHWISE_CONV_2D DEPTH_TO_SPACE DEQUANTIZE EMBEDDING_LOOKUP FLOOR
    FULLY_CONNECTED HASHTABLE_LOOKUP L2_NORMALIZATION L2_POOL_2D LOCAL_RESPONSE_NORMALIZATION LOGISTIC LSH_PROJECTION
    LSTM MAX_POOL_2D MUL RELU RELU_N1_TO_1 RELU6 RESHAPE RESIZE_BILINEAR RNN SOFTMAX SPACE_TO_DEPTH SVDF TANH
    CONCAT_EMBEDDINGS SKIP_GRAM CALL CUSTOM EMBEDDING_LOOKUP_SPARSE PAD UNIDIRECTIONAL_SEQUENCE_RNN GATHER
    BATCH_TO_SPACE_ND SPACE_TO_BATCH_ND TRANSPOSE MEAN SUB DIV SQUEEZE UNIDIRECTIONAL_SEQUENCE_LSTM STRIDED_SLICE
    BIDIRECTIONAL_SEQUENCE_RNN EXP TOPK_V2 SPLIT LOG_SOFTMAX DELEGATE BIDIRECTIONAL_SEQUENCE_LSTM CAST PRELU MAXIMUM
    ARG_MAX MINIMUM LESS NEG PADV2 GREATER GREATER_EQUAL LESS_EQUAL SELECT SLICE SIN TRANSPOSE_CONV SPARSE_TO_DENSE
    TILE EXPAND_DIMS EQUAL NOT_EQUAL LOG SUM SQRT RSQRT SHAPE POW ARG_MIN FAKE_QUANT REDUCE_PROD REDUCE_MAX PACK
    LOGICAL_OR ONE_HOT LOGICAL_AND LOGICAL_NOT UNPACK REDUCE_MIN FLOOR_DIV REDUCE_ANY SQUARE ZEROS_LIKE FILL FLOOR_MOD
    RANGE RESIZE_NEAREST_NEIGHBOR LEAKY_RELU SQUARED_DIFFERENCE MIRROR_PAD ABS SPLIT_V UNIQUE CEIL REVERSE_V2 ADD_N
    GATHER_ND COS WHERE RANK ELU REVERSE_SEQUENCE MATRIX_DIAG QUANTIZE MATRIX_SET_DIAG ROUND HARD_SWISH IF WHILE
    NON_MAX_SUPPRESSION_V4 NON_MAX_SUPPRESSION_V5 SCATTER_ND SELECT_V2 DENSIFY SEGMENT_SUM BATCH_MATMUL
    PLACEHOLDER_FOR_GREATER_OP_CODES CUMSUM CALL_ONCE BROADCAST_TO RFFT2D CONV_3D IMAG REAL COMPLEX_ABS HASHTABLE
    HASHTABLE_FIND HASHTABLE_IMPORT HASHTABLE_SIZE REDUCE_ALL CONV_3D_TRANSPOSE VAR_HANDLE READ_VARIABLE
    ASSIGN_VARIABLE BROADCAST_ARGS RANDOM_STANDARD_NORMAL BUCKETIZE RANDOM_UNIFORM MULTINOMIAL GELU
    DYNAMIC_UPDATE_SLICE RELU_0_TO_1 UNSORTED_SEGMENT_PROD UNSORTED_SEGMENT_MAX UNSORTED_SEGMENT_SUM ATAN2
    UNSORTED_SEGMENT_MIN SIGN BITCAST BITWISE_XOR RIGHT_SHIFT STABLEHLO_LOGISTIC STABLEHLO_ADD STABLEHLO_DIVIDE
    STABLEHLO_MULTIPLY STABLEHLO_MAXIMUM STABLEHLO_RESHAPE STABLEHLO_CLAMP STABLEHLO_CONCATENATE
    STABLEHLO_BROADCAST_IN_DIM STABLEHLO_CONVOLUTION STABLEHLO_SLICE STABLEHLO_CUSTOM_CALL STABLEHLO_REDUCE
    STABLEHLO_ABS STABLEHLO_AND STABLEHLO_COSINE STABLEHLO_EXPONENTIAL STABLEHLO_FLOOR STABLEHLO_LOG STABLEHLO_MINIMUM
    STABLEHLO_NEGATE STABLEHLO_OR STABLEHLO_POWER STABLEHLO_REMAINDER STABLEHLO_RSQRT STABLEHLO_SELECT
    STABLEHLO_SUBTRACT STABLEHLO_TANH STABLEHLO_SCATTER STABLEHLO_COMPARE STABLEHLO_CONVERT STABLEHLO_DYNAMIC_SLICE
    STABLEHLO_DYNAMIC_UPDATE_SLICE STABLEHLO_PAD STABLEHLO_IOTA STABLEHLO_DOT_GENERAL STABLEHLO_REDUCE_WINDOW
    STABLEHLO_SORT STABLEHLO_WHILE STABLEHLO_GATHER STABLEHLO_TRANSPOSE DILATE STABLEHLO_RNG_BIT_GENERATOR
    REDUCE_WINDOW STABLEHLO_COMPOSITE STABLEHLO_SHIFT_LEFT STABLEHLO_CBRT STABLEHLO_CASE
    """.split()  # noqa: SIM905  a list literal would take 220 lines
)

# The fields of operators' options: slot and `struct` format (`?` and `<b` are one byte).
OPTIONS: dict[str, dict[str, tuple[int, str]]] = {
    "CONV_2D": {"padding": (0, "<b"), "stride_w": (1, "<i"), "stride_h": (2, "<i"), "activation": (3, "<b"),
                "dilation_w": (4, "<i"), "dilation_h": (5, "<i")},
    "DEPTHWISE_CONV_2D": {"padding": (0, "<b"), "stride_w": (1, "<i"), "stride_h": (2, "<i"),
                          "depth_multiplier": (3, "<i"), "activation": (4, "<b"), "dilation_w": (5, "<i"),
                          "dilation_h": (6, "<i")},
    "TRANSPOSE_CONV": {"padding": (0, "<b"), "stride_w": (1, "<i"), "stride_h": (2, "<i"), "activation": (3, "<b")},
    "FULLY_CONNECTED": {"activation": (0, "<b"), "weights_format": (1, "<b"), "keep_num_dims": (2, "<b")},
    "POOL": {"padding": (0, "<b"), "stride_w": (1, "<i"), "stride_h": (2, "<i"), "width": (3, "<i"),
             "height": (4, "<i"), "activation": (5, "<b")},
    "ARITHMETIC": {"activation": (0, "<b")},
    "CONCATENATION": {"axis": (0, "<i"), "activation": (1, "<b")},
    "SOFTMAX": {"beta": (0, "<f")},
    "REDUCER": {"keep_dims": (0, "<b")},
    "LEAKY_RELU": {"alpha": (0, "<f")},
    "GELU": {"approximate": (0, "<b")},
    "RESIZE_BILINEAR": {"align_corners": (2, "<b"), "half_pixel": (3, "<b")},
    "RESIZE_NEAREST_NEIGHBOR": {"align_corners": (0, "<b"), "half_pixel": (1, "<b")},
    "STRIDED_SLICE": {"begin": (0, "<i"), "end": (1, "<i"), "ellipsis": (2, "<i"), "new_axis": (3, "<i"),
                      "shrink": (4, "<i")},
    "GATHER": {"axis": (0, "<i"), "batch_dims": (1, "<i")},
    "BATCH_MATMUL": {"adj_x": (0, "<b"), "adj_y": (1, "<b")},
    "DEPTH_TO_SPACE": {"block": (0, "<i")},
    "PACK": {"count": (0, "<i"), "axis": (1, "<i")},
    "UNPACK": {"count": (0, "<i"), "axis": (1, "<i")},
    "MIRROR_PAD": {"mode": (0, "<b")},
}  # fmt: skip
DEFAULTS = {"dilation_w": 1, "dilation_h": 1}
