"""Rows of the labels table, one module a method: from responses and features to labels."""
