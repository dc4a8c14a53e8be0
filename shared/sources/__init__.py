"""Where recordings come from besides an upload, and what a file is from its first bytes."""
