"""Bring your own model: any Keras, PyTorch, ONNX or SavedModel network to every format, each proven to be the same.

source.py   what MODEL is and what loading it can do
sample.py   rows to answer
opened.py   a loaded model: it answers, and it can be disturbed by a type's rounding
answers.py  the source's own answers and how far rounding moves them
routes.py   which formats a model gets to, and why not to the others
*_exports.py  exporters
runners.py  an artefact alone
judge.py    artefact against source
export.py   all of it, a child process for each step
"""
