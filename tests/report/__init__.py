"""Tests of throughline.report."""
