"""Claims: every sentence with a number is bound to the field of the record that it cites, and can be contradicted by it."""
