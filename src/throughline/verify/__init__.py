"""Is an exported file the same model? Derived tolerances, checks that cannot pass empty, one child per file."""
