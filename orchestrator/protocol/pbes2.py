"""Encrypted PKCS#8 as icp-cli writes it: PBES2 with scrypt and AES-256-CBC.

`cryptography` cannot write this form, and reads it unless the key inside is an Ed25519 key of version 2, which is
what icp-cli encrypts. Source: RFC 8018 (PBES2), RFC 7914 section 7 (scrypt's
parameters in ASN.1), RFC 5958 (`EncryptedPrivateKeyInfo`).
"""

import base64
import hashlib
import os

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.padding import PKCS7

__all__ = ["MAX_SCRYPT_BYTES", "SCRYPT_COST", "decrypt_pkcs8", "encrypt_pkcs8"]

SCRYPT_COST = 1 << 17
"""scrypt's N; with a block size of 8 one derivation takes 128 MiB."""

MAX_SCRYPT_BYTES = 1 << 30
"""The most memory that a file may ask for when it is decrypted, in bytes."""

_BLOCK_SIZE = 8
_PARALLELISM = 1
_KEY_BYTES = 32
_SALT_BYTES = 16
_BLOCK_BYTES = 16
_MEMORY_SLACK_BYTES = 1 << 20
_PEM_COLUMNS = 64
_PBES2 = bytes.fromhex("06092a864886f70d01050d")
_SCRYPT = bytes.fromhex("06092b06010401da47040b")
_AES_256_CBC = bytes.fromhex("060960864801650304012a")
_SEQUENCE, _OCTETS, _INTEGER = 0x30, 0x04, 0x02


def encrypt_pkcs8(der: bytes, password: bytes, *, cost: int = SCRYPT_COST) -> str:
    """Return the PEM text of a PKCS#8 key encrypted with a password; `cost` is a power of two."""
    salt, vector = os.urandom(_SALT_BYTES), os.urandom(_BLOCK_BYTES)
    memory = 128 * cost * _BLOCK_SIZE + _MEMORY_SLACK_BYTES
    key = hashlib.scrypt(password, salt=salt, n=cost, r=_BLOCK_SIZE, p=_PARALLELISM, maxmem=memory, dklen=_KEY_BYTES)
    padder = PKCS7(_BLOCK_BYTES * 8).padder()
    encryptor = Cipher(algorithms.AES(key), modes.CBC(vector)).encryptor()
    sealed = encryptor.update(padder.update(der) + padder.finalize()) + encryptor.finalize()
    numbers = b"".join(_integer(number) for number in (cost, _BLOCK_SIZE, _PARALLELISM))
    derivation = _element(_SEQUENCE, _SCRYPT + _element(_SEQUENCE, _element(_OCTETS, salt) + numbers))
    cipher = _element(_SEQUENCE, _AES_256_CBC + _element(_OCTETS, vector))
    algorithm = _element(_SEQUENCE, _PBES2 + _element(_SEQUENCE, derivation + cipher))
    return _render_pem(_element(_SEQUENCE, algorithm + _element(_OCTETS, sealed)))


def decrypt_pkcs8(der: bytes, password: bytes) -> bytes | None:
    """Return the PKCS#8 key inside, or None if the password is wrong or the form another one than ours.

    A wrong password is not always noticed here: one in a few hundred gives bytes that are no key.
    """
    try:
        algorithm, sealed = _read_elements(_read_elements(der, _SEQUENCE)[0])
        derivation, cipher = _read_elements(algorithm.removeprefix(_PBES2), _SEQUENCE, nested=True)
        salt, *numbers = _read_elements(_read_elements(derivation.removeprefix(_SCRYPT), _SEQUENCE)[0])
        cost, block_size, parallelism = (int.from_bytes(number, "big") for number in numbers[:3])
        vector = _read_elements(cipher.removeprefix(_AES_256_CBC), _OCTETS)[0]
        memory = 128 * cost * block_size + _MEMORY_SLACK_BYTES
        if memory * parallelism > MAX_SCRYPT_BYTES:
            return None
        key = hashlib.scrypt(password, salt=salt, n=cost, r=block_size, p=parallelism, maxmem=memory, dklen=_KEY_BYTES)
        decryptor = Cipher(algorithms.AES(key), modes.CBC(vector)).decryptor()
        unpadder = PKCS7(_BLOCK_BYTES * 8).unpadder()
        return unpadder.update(decryptor.update(sealed) + decryptor.finalize()) + unpadder.finalize()
    except (ValueError, IndexError, OverflowError):
        return None


def _read_elements(data: bytes, tag: int | None = None, *, nested: bool = False) -> list[bytes]:
    """Return the contents of DER elements that stand side by side, the first with the given tag.

    `nested` opens the first one and returns its parts.
    """
    contents: list[bytes] = []
    position = 0
    while position < len(data):
        if tag is not None and not contents and data[position] != tag:
            raise ValueError("another element was expected")
        length, start = data[position + 1], position + 2
        if length & 0x80:
            size = length & 0x7F
            length, start = int.from_bytes(data[start : start + size], "big"), start + size
        if start + length > len(data):
            raise ValueError("an element is truncated")
        contents.append(data[start : start + length])
        position = start + length
    return _read_elements(contents[0]) if nested else contents


def _element(tag: int, content: bytes) -> bytes:
    length = len(content)
    if length < 0x80:
        return bytes([tag, length]) + content
    size = length.to_bytes((length.bit_length() + 7) // 8, "big")
    return bytes([tag, 0x80 | len(size)]) + size + content


def _integer(value: int) -> bytes:
    return _element(_INTEGER, value.to_bytes(value.bit_length() // 8 + 1, "big"))


def _render_pem(der: bytes) -> str:
    text = base64.b64encode(der).decode("ascii")
    lines = [text[start : start + _PEM_COLUMNS] for start in range(0, len(text), _PEM_COLUMNS)]
    return "\n".join(["-----BEGIN ENCRYPTED PRIVATE KEY-----", *lines, "-----END ENCRYPTED PRIVATE KEY-----", ""])
