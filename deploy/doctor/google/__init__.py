"""Whether the engine google can work here: credentials, bucket, Speech-to-Text; nothing that it does costs money."""
