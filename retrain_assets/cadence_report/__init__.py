"""The cadence_report node: history replayed, to say how often, on how much data and on which trigger to retrain."""
