"""The matrix of ``docs/compatibility.md``: architectures that nobody here wrote, to every format, measured."""
