"""Scales the workers of a Render service by what the jobs want, not by CPU: `python -m deploy.render.scaler`."""
