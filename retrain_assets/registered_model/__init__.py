"""The champion: registered, promoted, confirmed, rolled back."""
