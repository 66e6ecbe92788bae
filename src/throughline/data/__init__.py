"""Rows in, splits out: built-in tasks, numeric tables, and the scaling learned from training rows."""
