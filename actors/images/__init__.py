"""Images: fetched, decoded, or an error code."""
