"""Tests of throughline.formats: one contract, looped over the registry, and what each file says of itself."""
