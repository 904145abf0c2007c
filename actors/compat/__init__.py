"""Every use of something that is not public API: one module a library, its reasons, a test each."""
