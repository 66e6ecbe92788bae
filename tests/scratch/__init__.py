"""Tests of throughline.scratch, one file per module."""
