"""One module or package a verb that is no method's."""
