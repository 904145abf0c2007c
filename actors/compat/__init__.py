"""Uses of libraries that are not their public API, one module a library: each with its reason.

``tests/compat`` has one small test for each, so that an upgrade that changes one is one red test.
"""
