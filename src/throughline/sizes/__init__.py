"""How many bytes a network takes in each format, and from which size on the shorter types pay.

`measure` exports untrained networks of several sizes; `model` fits a line to them, predicts, and finds where two lines
cross; `record` keeps both. The measurement that comes with the package is ``measured.json``, written by
``throughline sizes --keep``.
"""
