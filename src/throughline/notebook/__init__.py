"""The notebook: what builds it, and the pictures and tables it shows.

`build` turns a jupytext source into an executed .ipynb. `show` and `pictures` keep its cells short: a cell says what is
looked at, and how that is drawn stands here. Nothing here computes: figures come from the package or from a RunRecord.
"""

from throughline.notebook.build import build_notebook, find_faults

__all__ = ["build_notebook", "find_faults"]
