"""What is seen of a worker from outside: health, metrics, one attempt's span and line."""
