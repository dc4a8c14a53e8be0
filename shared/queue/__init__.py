"""The bell between the services: names, the envelope on the wire, and the client that rings it."""
