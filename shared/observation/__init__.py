"""What is seen of the services from outside: log lines, traces, reports of errors; never a secret."""
