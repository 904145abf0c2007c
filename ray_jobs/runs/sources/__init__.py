"""Archives: what ``--images`` can be, and how each kind becomes manifest rows.

``listing.list_images(source)`` is the way in; `folders`, `tars`, `tables` and `lists` know one kind
each.
"""
