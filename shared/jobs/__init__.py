"""Jobs in Postgres: how they change their status, wait for their turn, and what they have started and paid."""
