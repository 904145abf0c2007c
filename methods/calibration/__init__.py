"""Scores as probabilities, and thresholds for a wanted precision, from reviewed images."""
