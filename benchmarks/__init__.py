"""Side-by-side measurements: one script each, ratios from one run, never part of the tests."""
