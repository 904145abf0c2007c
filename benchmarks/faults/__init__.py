"""Faults in the middle of real jobs: what is killed, cut off or filled up, and what comes of it.

`python -m benchmarks.faults` runs each fault beside an undisturbed run of the same command.
"""
