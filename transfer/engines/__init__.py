"""What runs a trunk over batches: TensorFlow, ONNX Runtime, LiteRT; and the choice among them."""
