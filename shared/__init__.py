"""What the services and the client agree on: states, transcripts, schemas, tables, queue, storage."""
