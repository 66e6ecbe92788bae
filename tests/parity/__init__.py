"""Tests of throughline.parity: frameworks side by side, step by step."""
