"""Ours against the papers' public code, without a model: golden values, and what made them.

Each ``make_*.py`` runs the public code, from a checkout that its caller has, on fixed inputs and
answers and writes a file of ``golden/``; the tests hold ours against these files and need no
checkout. Nothing of the public code is kept here: only what it returned.
"""
