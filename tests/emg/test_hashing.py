import hashlib
import io
import shutil

from emg.hashing import HashingReader


def test_it_hashes_what_it_hands_on() -> None:
    content = bytes(range(256)) * 1000
    reader, copy = HashingReader(io.BytesIO(content)), io.BytesIO()
    shutil.copyfileobj(reader, copy, 1000)
    assert copy.getvalue() == content
    assert reader.sha256 == hashlib.sha256(content).hexdigest()
    assert reader.size_bytes == len(content)


def test_it_hashes_nothing() -> None:
    reader = HashingReader(io.BytesIO(b""))
    assert reader.read() == b""
    assert reader.sha256 == hashlib.sha256(b"").hexdigest()
