"""Webhooks: who is told of what, what was delivered, and how it is signed."""
