"""The difference ledger: which default of a framework is responsible for how much.

The frameworks begin aligned, where their losses coincide to the last digits. Then each framework's own default is
switched back on, one at a time and all together, and what it does is measured. In reading order:

    setting          everything that can be switched, and the entries of the ledger
    keras_learner, torch_learner
                     the network of the seed under a setting, one step at a time
    train            what a child process does
    measure          all of it together
    page             docs/ledger.md

Nothing is imported here, so that TensorFlow and PyTorch never meet in one process.
"""
