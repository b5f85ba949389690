"""The features node: what the model sees of each accepted row, each value from its own row alone."""
