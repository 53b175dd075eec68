"""What a user brings in place of an architecture: a file (onnx, tflite) or a function of Python, by its content."""

FILES = ("onnx", "tflite")
"""Names of models that are files; what they hold, `edgebench.formats` reads."""

MODULES = {"onnx": "file", "tflite": "file", "python": "python"}
"""The module of this folder that holds the parameters of each."""
