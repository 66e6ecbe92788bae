"""Answers for raw rows of a table, from any format of a bundle or a run.

    ROWS --data.stream--> cells --data.encode--> numbers or columns --child with the runtime--> answers --> a file

`source` says what a bundle or a run offers, `answers` what an answer means, `score` how good the answers are where the
truth is known, `written` writes them, and `rows` is the job. What a cell becomes is taken from the manifest or the
record alone.
"""
