"""Knocking at a broker with a few bytes of MQTT 5: who is let in, and leaving nothing of them behind."""

import socket

_CONNACK = 0x20
_SUCCESS = 0
_CLEAN_START_WITH_NAME_AND_PASSWORD = 0xC2


def lets_in(host: str, port: int, username: str, password: str) -> bool:
    """Whether the broker takes this password now."""
    try:
        with _entered(host, port, username, password):
            return True
    except OSError:
        return False


def forget(host: str, port: int, username: str, password: str, retained: tuple[str, ...]) -> None:
    """End a client's stored session and take away what is retained on topics that it may write."""
    with _entered(host, port, username, password) as connection:
        for topic in retained:
            connection.sendall(_packet(0x31, _text(topic) + b"\0"))
        connection.sendall(b"\xe0\0")
        connection.recv(1)


def _entered(host: str, port: int, username: str, password: str) -> socket.socket:
    """Connect with a clean session that ends with the connection."""
    connection = socket.create_connection((host, port), timeout=5.0)
    try:
        head = _text("MQTT") + bytes((5, _CLEAN_START_WITH_NAME_AND_PASSWORD, 0, 30, 0))
        connection.sendall(_packet(0x10, head + _text(username) + _text(username) + _text(password)))
        answer = connection.recv(4)
        if len(answer) < 4 or answer[0] != _CONNACK or answer[3] != _SUCCESS:
            raise ConnectionRefusedError(answer.hex())
    except OSError:
        connection.close()
        raise
    return connection


def _packet(kind: int, body: bytes) -> bytes:
    size, length = len(body), bytearray()
    while True:
        size, low = divmod(size, 128)
        length.append(low | 0x80 if size else low)
        if not size:
            return bytes((kind,)) + bytes(length) + body


def _text(text: str) -> bytes:
    return len(text.encode()).to_bytes(2, "big") + text.encode()
