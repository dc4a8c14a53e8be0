"""Render: what it needs of us to run there."""
