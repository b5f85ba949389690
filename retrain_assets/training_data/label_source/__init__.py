"""Labels that come from elsewhere: their source, how they are taken in, and how many rows have one."""
