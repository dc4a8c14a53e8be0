"""How recordings come in: forms, resumable uploads, addresses; each becomes a session with a job."""
