"""What the champion does in the world: drift, realised performance, business metrics, and its life as a page."""
