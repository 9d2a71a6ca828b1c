"""The two spellings of bytes that credentials use: `z` is base58, `u` is base64url."""

import base64
import binascii

from shared.errors import Invalid

ALPHABET = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
# Keys and signatures are short; base58 of long text costs the square of its length.
LONGEST_BASE58 = 256


def base58(content: bytes) -> str:
    number = int.from_bytes(content)
    digits = ""
    while number:
        number, digit = divmod(number, 58)
        digits = ALPHABET[digit] + digits
    zeros = len(content) - len(content.lstrip(b"\0"))
    return "z" + "1" * zeros + digits


def from_base58(text: str) -> bytes:
    digits = text[1:]
    if not text.startswith("z") or len(text) > LONGEST_BASE58 or set(digits) - set(ALPHABET):
        raise Invalid("Not base58: it begins with z, is short and has only letters and digits.")
    number = 0
    for digit in digits:
        number = number * 58 + ALPHABET.index(digit)
    zeros = len(digits) - len(digits.lstrip("1"))
    return b"\0" * zeros + number.to_bytes((number.bit_length() + 7) // 8)


def base64url(content: bytes) -> str:
    return "u" + base64.urlsafe_b64encode(content).rstrip(b"=").decode()


def from_base64url(text: str) -> bytes:
    digits = text[1:]
    # Python would also read the other alphabet's + and /.
    if not text.startswith("u") or set(digits) & set("+/="):
        raise Invalid("Not base64url: it begins with u and has only letters, digits, - and _.")
    try:
        return base64.b64decode(digits + "=" * (-len(digits) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError) as reason:
        raise Invalid("Not base64url: it is cut off or has foreign signs.") from reason
