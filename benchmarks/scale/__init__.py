"""A big archive: memory as it is labelled, speed, and what resuming it costs.

`python -m benchmarks.scale` packs the archive, labels it with the real command and watches.
"""
