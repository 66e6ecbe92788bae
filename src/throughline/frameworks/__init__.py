"""The same network in NumPy, Keras and PyTorch: three files with the same functions.

Nothing is imported here, so that TensorFlow and PyTorch never meet in one process (rule 8).
"""
