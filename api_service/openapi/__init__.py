"""The OpenAPI document: FastAPI's, with what it cannot know put right."""
