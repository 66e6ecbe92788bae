"""Rows in, splits out: built-in tasks, tables of any form, and what networks make of their rows."""
