"""The two files of a trained model and the id derived from them, shared by the packages that store
and read models."""

import hashlib

TENSORS_FILE, MANIFEST_FILE = "policy.safetensors", "manifest.json"


def model_id(tensors: bytes, manifest: bytes) -> str:
    """First 12 hexadecimal characters of the SHA-256 of `tensors` followed by `manifest`."""
    return hashlib.sha256(tensors + manifest).hexdigest()[:12]
