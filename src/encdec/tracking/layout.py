"""How a logged model is laid out: what its writer and its reader share."""

MODEL_ARTIFACT = "model"
"""The name under which MLflow keeps the model's folder."""
BATCH_SIZE = 256
"""Inputs that a served model answers at a time."""
DIGEST_TAG = "encdec.digests.sha256"
"""The tag of a logged model, in the database, that has the SHA-256 of the list of its files' digests."""
