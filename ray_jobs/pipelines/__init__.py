"""One module or package a method: its passes in order."""
