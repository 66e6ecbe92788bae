"""Tests of throughline.verify: comparisons, tolerances, the worker, and the matrix of faults."""
