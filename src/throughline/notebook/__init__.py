"""The notebook: what builds it, and the pictures and tables it shows.

`build` turns a jupytext source into an executed .ipynb, and `readers_copy` does so for a run of the reader's own.
`show`, `pictures` and `claims` keep its cells short: a cell says what is looked at, and how that is drawn stands here.
Nothing here computes: figures come from the package or from a RunRecord.

Each chapter has an anchor, from ``chapter-1`` to ``chapter-7``; so have ``run``, ``formats`` and ``environment``.
"""

from throughline.notebook.build import build_notebook, find_faults

__all__ = ["build_notebook", "find_faults"]
