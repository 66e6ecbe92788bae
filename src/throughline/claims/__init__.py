"""Claims: every sentence with a number is bound to the field that it cites, and can be contradicted."""
