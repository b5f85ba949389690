"""The candidate_model node: a model fitted with what was known at one moment, logged, not yet registered."""
