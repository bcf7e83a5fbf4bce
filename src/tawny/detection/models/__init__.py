"""What moves: object models in ONNX files, known by their outputs' shapes."""
