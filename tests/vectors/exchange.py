#!/usr/bin/python3
"""Computes the session exchange vector of tests/unit/test-exchange.c without any code of Keyfob.

The prime is made from its definition in RFC 2409 section 6.2 (digits of pi), HKDF from RFC 5869 with hmac, AES-128-CBC by
the openssl command.
"""

import hashlib
import hmac
import subprocess


def pi_bits(bits):
    """floor(2^bits * pi), by Machin's formula with integers."""
    guard = 64
    one = 1 << (bits + guard)

    def arctan_inverse(x):
        total = term = one // x
        n, sign = 1, 1
        while term:
            term //= x * x
            n += 2
            sign = -sign
            total += sign * (term // n)
        return total

    return (16 * arctan_inverse(5) - 4 * arctan_inverse(239)) >> guard


P = 2**1024 - 2**960 - 1 + 2**64 * (pi_bits(894) + 129093)
OURS = int.from_bytes(hashlib.sha512(b"ours").digest() * 2, "big") >> 1
THEIRS = int.from_bytes(hashlib.sha512(b"theirs").digest() * 2, "big") >> 1
PLAIN = b"correct horse battery staple"
IV = bytes(range(16))


def hkdf(secret):
    prk = hmac.new(bytes(32), secret, hashlib.sha256).digest()
    return hmac.new(prk, b"\x01", hashlib.sha256).digest()[:16]


def main():
    assert pow(2, (P - 1) // 2, P) in (1, P - 1)
    shared = pow(pow(2, THEIRS, P), OURS, P).to_bytes(128, "big")
    key = hkdf(shared)
    cipher = subprocess.run(
        ["openssl", "enc", "-aes-128-cbc", "-K", key.hex(), "-iv", IV.hex()], input=PLAIN, stdout=subprocess.PIPE, check=True
    ).stdout
    print("prime  ", f"{P:0256x}")
    print("private", OURS.to_bytes(128, "big").hex())
    print("theirs ", pow(2, THEIRS, P).to_bytes(128, "big").hex())
    print("public ", pow(2, OURS, P).to_bytes(128, "big").hex())
    print("cipher ", cipher.hex())
    # A public key that is short: 2^1000 has 126 bytes.
    shared = pow(2**1000, OURS, P).to_bytes(128, "big")
    cipher = subprocess.run(
        ["openssl", "enc", "-aes-128-cbc", "-K", hkdf(shared).hex(), "-iv", IV.hex()],
        input=PLAIN,
        stdout=subprocess.PIPE,
        check=True,
    ).stdout
    print("short  ", cipher.hex())


if __name__ == "__main__":
    main()
