"""Every row scored by the champion of its time."""
