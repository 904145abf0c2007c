"""Benchmarks of the endpoint: its speed, overload, faults and hostile requests.

`python -m benchmarks.serve` measures latency and rate beside a bare loop, and what overload does;
`python -m benchmarks.serve.faults` what a killed replica, a swapped classifier and a rolling update
cost; `python -m benchmarks.serve.fuzz` what hostile requests do to answers and memory.
"""
