"""HTTP routes, one module a noun; each only translates between HTTP and a use case."""
