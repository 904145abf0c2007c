"""One module a family of models: its tokens, its template's form, its shrunken configuration."""
