"""What taking a recording in costs, against a bare Starlette handler."""
