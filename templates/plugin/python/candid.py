"""As much of Candid as this plugin needs: texts out, an optional text back."""

_TEXTS = b"DIDL\0"
_TEXT = b"\x71"
_OPTIONAL_TEXT = b"DIDL\x01\x6e\x71\x01\x00"


def encode_texts(texts: list[str]) -> bytes:
    """Return the message `(text, …)`."""
    body = b"".join(_length(len(data)) + data for data in map(str.encode, texts))
    return _TEXTS + _length(len(texts)) + _TEXT * len(texts) + body


def decode_texts(message: bytes) -> list[str]:
    """Return the texts of a message that `encode_texts` made."""
    count, position = _read_length(message, len(_TEXTS))
    position += count
    texts = []
    for _ in range(count):
        text, position = _read_text(message, position)
        texts.append(text)
    return texts


def decode_optional_text(message: bytes) -> str | None:
    """Return what is in the message `(opt text)`; raises `ValueError` for any other."""
    if not message.startswith(_OPTIONAL_TEXT):
        raise ValueError("not an optional text")
    tag = message[len(_OPTIONAL_TEXT) :]
    return _read_text(tag, 1)[0] if tag[:1] == b"\1" else None


def _length(number: int) -> bytes:
    encoded = bytearray()
    while number > 0x7F:
        encoded.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*encoded, number])


def _read_length(message: bytes, position: int) -> tuple[int, int]:
    number = shift = 0
    while True:
        if position >= len(message):
            raise ValueError("the message ends too early")
        part = message[position]
        position += 1
        number |= (part & 0x7F) << shift
        shift += 7
        if part < 0x80:
            return number, position


def _read_text(message: bytes, position: int) -> tuple[str, int]:
    length, position = _read_length(message, position)
    if position + length > len(message):
        raise ValueError("the message ends too early")
    return message[position : position + length].decode(), position + length
