"""Small programs on top of the project, each run by a test."""
