"""One network, several frameworks, one trajectory: the same weights after every step, to the last digits.

Each framework trains in a process of its own, from the same start, on the same batches in the same order, with the
same dropout masks. What is left between them is rounding. In reading order:

    tasks            what is learned: three sets of rows, each with its architecture
    expressible      which framework can say which spec, and what it does instead
    feed             the batches and masks that all of them are given
    stepper          what a framework offers here: one training step at a time
    numpy_stepper, keras_stepper, torch_stepper, sklearn_stepper
    follow           what a child process does: step after step, every loss written down
    record           what a comparison found
    departure        where two trajectories part: the ReLU gate that flipped, and the proof
    judge            two trajectories against their bars
    compare          all of it together
    page             docs/parity.md

Nothing is imported here, so that TensorFlow and PyTorch never meet in one process.
"""
