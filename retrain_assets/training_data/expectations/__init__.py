"""What a good batch is: declared expectations, judged by Polars and by great_expectations alike."""
