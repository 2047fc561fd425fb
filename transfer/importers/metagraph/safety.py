"""Which operations of a foreign graph may run. Pure.

A TensorFlow graph is a program: `ReadFile`, `WriteFile`, `PyFunc` are operations like any other. So the list says
what is allowed, arithmetic on arrays, and everything else is refused by name.
"""

from __future__ import annotations

from collections.abc import Iterable

from registry.errors import ZooError
from transfer.importers.metagraph.graph import STRING, Node


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


ARITHMETIC = _words(
    """
    Abs Acos Acosh Add AddN AddV2 All Any ArgMax ArgMin Asin Asinh Atan Atan2 Atanh BesselI0e BesselI1e BiasAdd
    BiasAddV1 Cast Ceil ClipByValue Complex Conj Cos Cosh Cumprod Cumsum Digamma Div DivNoNan Equal Erf Erfc
    Erfinv Exp Expm1 FFT FFT2D Floor FloorDiv FloorMod Greater GreaterEqual IFFT IFFT2D Imag Inv
    InvertPermutation IRFFT IRFFT2D IsFinite IsInf IsNan L2Loss Less LessEqual Lgamma Log Log1p LogicalAnd
    LogicalNot LogicalOr Max Maximum Mean Min Minimum Mod Mul MulNoNan Ndtri Neg NextAfter NotEqual Pow Prod
    Real RealDiv Reciprocal RFFT RFFT2D Rint Round Rsqrt SegmentMax SegmentMean SegmentMin SegmentSum Select
    SelectV2 Sigmoid Sign Sin Sinh Sqrt Square SquaredDifference Sub Sum Tan Tanh TruncateDiv TruncateMod
    UnsortedSegmentMax UnsortedSegmentMean UnsortedSegmentSum Xdivy Xlogy Zeta
    """
)

LAYERS = _words(
    """
    AvgPool AvgPool3D BatchNormWithGlobalNormalization Conv2D Conv2DBackpropInput Conv3D Conv3DBackpropInputV2
    DepthwiseConv2dNative Dilation2D Elu Erf FractionalAvgPool FusedBatchNorm FusedBatchNormV2 FusedBatchNormV3
    InTopK InTopKV2 LeakyRelu LogSoftmax LRN MaxPool MaxPool3D MaxPoolV2 MaxPoolWithArgmax NthElement Relu Relu6
    Selu Softmax Softplus Softsign TopK TopKV2
    """
)

ARRAYS = _words(
    """
    AdjustContrastv2 AdjustHue AdjustSaturation BatchMatMul BatchMatMulV2 BatchMatMulV3 BatchToSpace
    BatchToSpaceND Bincount BroadcastArgs BroadcastTo Bucketize CheckNumerics Concat ConcatOffset ConcatV2 Const
    CropAndResize DepthToSpace Diag DiagPart DynamicPartition DynamicStitch Einsum EnsureShape ExpandDims
    ExtractImagePatches Fill Gather GatherNd GatherV2 HSVToRGB Identity IdentityN LinSpace MatMul MatrixBandPart
    MatrixDiag MatrixDiagPart MatrixDiagPartV2 MatrixDiagPartV3 MatrixDiagV2 MatrixDiagV3 MatrixInverse
    MatrixSetDiag MirrorPad NonMaxSuppression NonMaxSuppressionV2 NonMaxSuppressionV3 OneHot OnesLike Pack Pad
    PadV2 ParallelConcat ParallelDynamicStitch Placeholder PreventGradient Range Rank Reshape ResizeArea
    ResizeBicubic ResizeBilinear ResizeNearestNeighbor Reverse ReverseSequence ReverseV2 RGBToHSV ScatterNd
    Shape ShapeN Size Slice Snapshot SpaceToBatch SpaceToBatchND SpaceToDepth Split SplitV Squeeze StopGradient
    StridedSlice TensorScatterAdd TensorScatterUpdate Tile Transpose Unique UniqueV2 Unpack Where ZerosLike
    """
)

PURE = ARITHMETIC | LAYERS | ARRAYS

# What else an original graph may hold when it is run for comparison: its variables, switches and random numbers.
RUNNABLE = PURE | _words(
    """
    Assert Assign AssignAdd AssignAddVariableOp AssignSub AssignSubVariableOp AssignVariableOp ControlTrigger If
    IsVariableInitialized Merge Multinomial NoOp PartitionedCall PlaceholderV2 PlaceholderWithDefault
    RandomStandardNormal RandomUniform RandomUniformInt ReadVariableOp RefIdentity RefMerge RefSwitch ResourceGather
    StatefulPartitionedCall StatelessIf StatelessRandomGetAlg
    OptionalFromValue OptionalNone FakeParam StatelessRandomGetKeyCounter
    StatelessRandomUniform StatelessRandomUniformV2 Switch TruncatedNormal VarHandleOp Variable VariableShape
    VariableV2 VarIsInitializedOp
    """
)

# And what loops consist of, where the model was made from its layers' configs and the loop runs for comparison only.
LOOPING = RUNNABLE | _words(
    """
    AccumulateNV2 EmptyTensorList StatelessWhile TensorListElementShape TensorListFromTensor TensorListGetItem
    TensorListLength TensorListPopBack TensorListPushBack TensorListReserve TensorListSetItem TensorListStack While
    """
)

HOLDS_TEXT = frozenset({"Assert", "Const"})  # an assertion's message does nothing

REASONS = (
    (("Enter", "Exit", "NextIteration", "LoopCond", "While", "StatelessWhile"), "it is part of a while loop"),
    (("Switch", "Merge", "RefSwitch", "RefMerge", "If", "StatelessIf", "Case", "StatelessCase"),
     "its condition depends on the data"),
    (("ReadFile", "WriteFile", "MatchingFiles", "RestoreV2", "SaveV2", "Restore", "Save"), "it reads or writes files"),
    (("PyFunc", "PyFuncStateless", "EagerPyFunc"), "it runs Python code of the program that wrote the graph"),
    (("HashTableV2", "MutableHashTableV2", "LookupTableFindV2", "LookupTableFind", "HashTable"), "it looks up a table"),
    (("TensorListReserve", "TensorListFromTensor", "TensorListStack", "TensorListGetItem", "TensorListSetItem",
      "TensorArrayV3", "TensorArrayReadV3", "TensorArrayGatherV3", "TensorArrayScatterV3"),
     "it holds the tensors of a loop"),
    (("IteratorGetNext", "OneShotIterator", "QueueDequeueV2", "QueueDequeueManyV2", "QueueDequeueUpToV2"),
     "it reads an input pipeline"),
)  # fmt: skip


def may_run(node: Node, allowed: frozenset[str] = PURE) -> bool:
    """Tell whether a node is an allowed operation on numbers."""
    return node.op in allowed and (node.op in HOLDS_TEXT or not _has_text(node))


def check(nodes: Iterable[Node], allowed: frozenset[str] = PURE) -> None:
    """Refuse a graph that holds anything but allowed operations on numbers.

    Raises:
        ZooError: it does; the message names the operation, the node and the reason.
    """
    held = list(nodes)
    unknown = ((node, _why(node.op)) for node in held if node.op not in allowed)
    textual = ((node, "it works on text") for node in held if node.op not in HOLDS_TEXT and _has_text(node))
    for node, reason in (*unknown, *textual):
        raise ZooError(
            f"cannot import the operation {node.op} (node {node.name}): {reason}",
            "name an input behind it or an output before it: --input TENSOR, --output TENSOR",
        )


def _why(op: str) -> str:
    """Say why an operation is not allowed."""
    if "Random" in op or op == "TruncatedNormal":
        return "it draws random numbers"
    known = next((reason for ops, reason in REASONS if op in ops), "")
    return known or "it is not among the operations on arrays that may run from a foreign file"


def _has_text(node: Node) -> bool:
    return any(_is_text(value) for value in node.attr.values())


def _is_text(value: object) -> bool:
    """Tell whether an attribute names the type of text."""
    held = getattr(value, "list", None)
    return getattr(value, "type", 0) == STRING or STRING in getattr(held, "type", ())
