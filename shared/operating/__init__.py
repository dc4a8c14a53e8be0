"""What operators see and do, across tenants."""
