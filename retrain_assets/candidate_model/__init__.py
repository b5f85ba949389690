"""The candidate_model node: a model fitted with what was known at one moment, logged and not yet registered."""
