"""Tests of throughline.frameworks: one contract, looped over NumPy, Keras and PyTorch."""
