"""Object detection models as ONNX files, identified by the shapes of their outputs."""
