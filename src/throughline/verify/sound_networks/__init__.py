"""The other half of the verifier's own test: sound networks of every kind, in every format, must raise no alarm."""
