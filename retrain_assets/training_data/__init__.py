"""The asset ``training_data``: rows of the source, taken in partition by partition, checked and kept."""
