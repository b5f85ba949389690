"""Ready pipelines for three public tables, and the real loop over their history."""
