"""Forecasts: a pilot on a few images of an archive says what labelling all of it takes.

`pilot` runs it, `forecast` makes figures of it, `comparison` sets them beside what happened.
"""
