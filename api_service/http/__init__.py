"""What lies around every route: requests, answers, errors, limits, idempotency."""
