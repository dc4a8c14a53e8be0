"""Looks at a deployment from outside and says what is wrong and how to mend it."""
