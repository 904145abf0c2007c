"""The papers' data sets as they lie on disk: from a root folder to images, classes and truth.

Readers are pure: files in, a `base.Table` out. Nothing is downloaded.
"""
