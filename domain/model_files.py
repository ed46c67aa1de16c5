"""A trained model's two files, and the id that follows from them: one package reads what another
stores, and both must mean the same."""

import hashlib

TENSORS_FILE, MANIFEST_FILE = "policy.safetensors", "manifest.json"


def model_id(tensors: bytes, manifest: bytes) -> str:
    """First 12 hexadecimal characters of the SHA-256 of both files, one after the other."""
    return hashlib.sha256(tensors + manifest).hexdigest()[:12]
