"""What is seen of the API from outside: its metrics, its readiness, what the doctor asks it."""
