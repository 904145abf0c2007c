"""Readers of data sets, a module a family, each with its rows of the registry."""
