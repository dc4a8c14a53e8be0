"""Everything on one machine: Redis, Postgres, the API and a worker as separate processes."""
