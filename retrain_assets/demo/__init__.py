"""The demo: simulated ad impressions, and the replay of their sixteen weeks."""
