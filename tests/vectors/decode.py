#!/usr/bin/python3
"""Reads a vault file by docs/FORMAT.md, and by nothing else of Keyfob.

    decode.py VAULT [--password P | --key-file F] [--device HEX]   prints what is in it as JSON
    decode.py VAULT [--recovery CODE] [--login P] [--touched HEX] [--verified HEX] [--tpm HEX]   the same: other slots
    decode.py VAULT [...] --expect JSON             compares; exit status 1 when it differs

Everything that the page says is checked on the way: schema, commitment, tokens, sums, manifests. Version 1 differs from 2
only in that it has no records of classes, 2 from 3 in that no class is sealed, and 3 from 4 in that there are no hints.
"""

import argparse
import ctypes
import hashlib
import hmac
import json
import sqlite3
import struct
import sys

SCHEMA = {
    "meta": "CREATE TABLE meta(name TEXT PRIMARY KEY,value) WITHOUT ROWID",
    "slot": "CREATE TABLE slot(id BLOB PRIMARY KEY,scope INTEGER,kind INTEGER,label TEXT,created INTEGER,used INTEGER,"
    "params BLOB,wrapped BLOB) WITHOUT ROWID",
    "key": "CREATE TABLE key(scope INTEGER,purpose INTEGER,owner INTEGER,id INTEGER,sealed BLOB,"
    "PRIMARY KEY(scope,purpose,owner)) WITHOUT ROWID",
    "manifest": "CREATE TABLE manifest(scope INTEGER PRIMARY KEY,mac BLOB)",
    "collection": "CREATE TABLE collection(no INTEGER PRIMARY KEY,name TEXT,label TEXT,created INTEGER,own INTEGER,"
    "deleted INTEGER)",
    "head": "CREATE TABLE head(collection INTEGER PRIMARY KEY,modified INTEGER,n INTEGER,sealed BLOB)",
    "alias": "CREATE TABLE alias(name TEXT PRIMARY KEY,collection INTEGER) WITHOUT ROWID",
    "item": "CREATE TABLE item(id INTEGER PRIMARY KEY,version INTEGER,key INTEGER,tag BLOB,box BLOB)",
    "attr": "CREATE TABLE attr(token BLOB,item INTEGER,PRIMARY KEY(token,item)) WITHOUT ROWID",
    "trash": "CREATE TABLE trash(seq INTEGER PRIMARY KEY,item INTEGER,version INTEGER,removed INTEGER,deleted INTEGER,"
    "key INTEGER,tag BLOB,box BLOB)",
    "trash_item": "CREATE INDEX trash_item ON trash(item,deleted,version)",
}
HINTS = {"hint": "CREATE TABLE hint(item INTEGER PRIMARY KEY,sealed BLOB)"}  # since version 4
GENERIC = ("xdg:schema", "org.freedesktop.Secret.Generic")
KINDS = {1: "password", 2: "credential", 3: "none", 4: "recovery", 5: "login", 6: "fido2", 7: "tpm2"}
CLASSES = {1: "passkeys", 2: "ssh", 3: "otp", 4: "log", 5: "policy"}
CLASS = 1 << 22  # and the number of the class: where a collection's number stands


# XChaCha20-Poly1305 (RFC 8439 and draft-irtf-cfrg-xchacha-03)


def rounds(state):
    def quarter(a, b, c, d):
        for x, y, z, n in ((a, b, d, 16), (c, d, b, 12), (a, b, d, 8), (c, d, b, 7)):
            state[x] = (state[x] + state[y]) & 0xFFFFFFFF
            state[z] ^= state[x]
            state[z] = (state[z] << n | state[z] >> (32 - n)) & 0xFFFFFFFF

    for _ in range(10):
        for i in range(4):
            quarter(i, 4 + i, 8 + i, 12 + i)
        for i in range(4):
            quarter(i, 4 + (i + 1) % 4, 8 + (i + 2) % 4, 12 + (i + 3) % 4)


CONSTANTS = struct.unpack("<4I", b"expand 32-byte k")


def chacha_block(key, counter, nonce):
    start = [*CONSTANTS, *struct.unpack("<8I", key), counter, *struct.unpack("<3I", nonce)]
    state = list(start)
    rounds(state)
    return struct.pack("<16I", *((a + b) & 0xFFFFFFFF for a, b in zip(state, start)))


def hchacha(key, nonce):
    state = [*CONSTANTS, *struct.unpack("<8I", key), *struct.unpack("<4I", nonce)]
    rounds(state)
    return struct.pack("<8I", *state[:4], *state[12:])


def poly1305(key, message):
    r = int.from_bytes(key[:16], "little") & 0x0FFFFFFC0FFFFFFC0FFFFFFC0FFFFFFF
    total = 0
    for i in range(0, len(message), 16):
        total = (total + int.from_bytes(message[i : i + 16] + b"\x01", "little")) * r % (2**130 - 5)
    return ((total + int.from_bytes(key[16:], "little")) % 2**128).to_bytes(16, "little")


def unseal(key, ad, sealed):
    nonce, cipher, tag = sealed[:24], sealed[24:-16], sealed[-16:]
    subkey, inner = hchacha(key, nonce[:16]), b"\0\0\0\0" + nonce[16:]

    def padded(data):
        return data + b"\0" * (-len(data) % 16)

    authenticated = padded(ad) + padded(cipher) + struct.pack("<QQ", len(ad), len(cipher))
    if poly1305(chacha_block(subkey, 0, inner)[:32], authenticated) != tag:
        raise ValueError("not authentic")
    plain = bytearray()
    for i in range(0, len(cipher), 64):
        stream = chacha_block(subkey, 1 + i // 64, inner)
        plain += bytes(a ^ b for a, b in zip(cipher[i : i + 64], stream))
    return bytes(plain)


# Conventions


def u8(n):
    return bytes([n])


def u32(n):
    return struct.pack("<I", n)


def u64(n):
    return struct.pack("<Q", n)


def text(s):
    data = s.encode() if isinstance(s, str) else s
    return u32(len(data)) + data


def blake2b(size, key, data):
    return hashlib.blake2b(data, key=key, digest_size=size).digest()


def derive(key, label, context=b""):
    return blake2b(32, key, u8(len(label)) + label.encode() + context)


class Reader:
    def __init__(self, data):
        self.data = data

    def raw(self, n):
        if n > len(self.data):
            raise ValueError("short")
        taken, self.data = self.data[:n], self.data[n:]
        return taken

    def u8(self):
        return self.raw(1)[0]

    def u32(self):
        return struct.unpack("<I", self.raw(4))[0]

    def u64(self):
        return struct.unpack("<Q", self.raw(8))[0]

    def blob(self):
        return self.raw(self.u32())

    def text(self):
        return self.blob().decode()

    def end(self):
        if self.data:
            raise ValueError("bytes left over")


def shown(value):
    return value.hex() if len(value) < 100 else "sha256:" + hashlib.sha256(value).hexdigest()


def check(condition, what):
    if not condition:
        raise ValueError(what)


def argon2id(password, salt, memory, passes):
    out = ctypes.create_string_buffer(32)
    try:
        library = ctypes.CDLL("libargon2.so.1")
        failed = library.argon2id_hash_raw(
            ctypes.c_uint32(passes), ctypes.c_uint32(memory), ctypes.c_uint32(1), password, ctypes.c_size_t(len(password)),
            salt, ctypes.c_size_t(len(salt)), out, ctypes.c_size_t(32)
        )
    except OSError:
        library = ctypes.CDLL("libsodium.so.23")
        failed = library.crypto_pwhash_argon2id(
            out, ctypes.c_ulonglong(32), password, ctypes.c_ulonglong(len(password)), salt, ctypes.c_ulonglong(passes),
            ctypes.c_size_t(memory * 1024), ctypes.c_int(2)
        )
    check(failed == 0, "argon2id failed")
    return out.raw


def hkdf(salt, secret, info):
    """HKDF-SHA-256 (RFC 5869) of 32 bytes."""
    key = hmac.digest(salt or bytes(32), secret, "sha256")
    return hmac.digest(key, info + b"\x01", "sha256")


ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


def recovery_symbols(code):
    """The 28 symbols that count, as ASCII; each group's fifth checks it."""
    typed = code.upper().replace("O", "0").replace("I", "1").replace("L", "1").replace("-", "").replace(" ", "")
    check(len(typed) == 35, "length of the code")
    out = ""
    for group in range(7):
        values = [ALPHABET.index(c) for c in typed[5 * group : 5 * group + 5]]
        total = group
        for power, value in zip((4, 3, 2, 1), values):
            for _ in range(power):
                value = value << 1 ^ (37 if value & 16 else 0)
            total ^= value
        check(total == values[4], f"group {group + 1} of the code")
        out += typed[5 * group : 5 * group + 4]
    return out.encode()


# The vault


class Vault:
    def __init__(self, path, secrets, device=None):
        self.db = sqlite3.connect(f"file:{path}?mode=ro&immutable=1", uri=True)
        self.db.text_factory = bytes
        self.secrets = secrets | {3: b""}
        self.device, self.seals = device, {}
        check(self.one("PRAGMA application_id") == 0x4B464F42, "not a vault")
        self.version = self.one("PRAGMA user_version")
        check(self.version in (1, 2, 3, 4), "another version")
        found = {name.decode(): sql.decode() for name, sql in self.rows("SELECT name,sql FROM sqlite_schema")}
        check(found == SCHEMA | (HINTS if self.version > 3 else {}), "another schema")
        self.meta = {name.decode(): value for name, value in self.rows("SELECT name,value FROM meta")}
        self.id, self.index_key = self.meta["vault-id"], self.meta["index-key"]
        self.roots, self.keys = {}, {}

    def rows(self, sql, *values):
        return self.db.execute(sql, values).fetchall()

    def one(self, sql, *values):
        return self.rows(sql, *values)[0][0]

    def device_kek(self, kind, id_, reader, shown_params):
        """Of what a security key or a TPM answered."""
        if kind == 6:
            flags, rp_id, credential = reader.u8(), reader.text(), reader.blob()
            check(flags < 2, "flags")
            shown_params |= {"uv": bool(flags), "rp-id": rp_id, "credential": credential.hex()}
            secret, salt, label = self.secrets["verified" if flags else "touched"], b"", "keyfob slot fido2"
        else:
            flags, pcrs, salt, point, key = reader.u8(), reader.u32(), reader.raw(32), reader.raw(64), reader.blob()
            check(flags < 2 and pcrs < 1 << 24, "flags and registers")
            shown_params |= {"pin": bool(flags), "pcrs": pcrs, "point": point.hex(), "key": key.hex()}
            secret, label = self.secrets[7], "keyfob slot tpm2"
        reader.end()
        return None if secret is None else hkdf(salt, secret, text(label) + id_)

    def kek(self, kind, id_, params, shown_params):
        reader = Reader(params)
        check(reader.u8() == 1, "another version of params")
        if kind in (6, 7):
            return self.device_kek(kind, id_, reader, shown_params)
        secret = self.secrets[kind]
        if secret is None:
            return None
        if kind in (1, 5):
            memory, passes, salt = reader.u32(), reader.u32(), reader.raw(16)
            reader.end()
            return argon2id(secret, salt, memory, passes)
        salt = reader.raw(32)
        if kind == 2:
            reader.text()
        reader.end()
        if kind == 4:
            return derive(salt, "keyfob slot recovery", recovery_symbols(secret))
        return derive(salt, "keyfob slot credential", secret) if kind == 2 else derive(salt, "keyfob slot none")

    def open_slots(self):
        slots = []
        for id_, scope, kind, label, params, wrapped in self.rows("SELECT id,scope,kind,label,params,wrapped FROM slot ORDER BY scope,kind,label"):
            slots.append({"scope": scope, "kind": KINDS[kind], "label": label.decode()})
            kek = self.kek(kind, id_, params, slots[-1])
            if kek is None:
                continue
            check(wrapped[:32] == blake2b(32, kek, text("keyfob commitment 1") + id_), "wrong secret")
            ad = text("keyfob slot 1") + id_ + u32(scope) + u32(kind) + blake2b(32, b"", params)
            root = unseal(kek, ad, wrapped[32:])
            slots[-1] |= {"opened": True} if kind > 3 else {}
            check(self.roots.setdefault(scope, root) == root, "two roots")
        return slots

    def open_keys(self):
        for scope, purpose, owner, id_, sealed in self.rows("SELECT scope,purpose,owner,id,sealed FROM key"):
            wrap = derive(self.roots[scope], "keyfob wrap", self.id)
            if purpose == 4:
                wrap = derive(derive(wrap, "keyfob seal", u32(owner)), "keyfob seal device", self.device)
            ad = text("keyfob key 1") + self.id + u32(scope) + u32(purpose) + u32(owner) + u32(id_)
            self.keys[purpose, owner] = (id_, unseal(wrap, ad, sealed))
            if purpose == 4:
                self.keys[2, owner] = self.keys.pop((4, owner))
            elif purpose == 5:
                self.seals[CLASSES[owner]] = shown(self.keys.pop((5, owner))[1])
        check({owner for purpose, owner in self.keys if purpose == 2} == set(CLASSES), "classes")

    def key(self, number):
        return self.keys[(2, number - CLASS) if number > CLASS else (1, number)]

    def unbox(self, id_, version, key, tag, box):
        number = id_ >> 40
        key_id, secret = self.key(number)
        check(key == key_id, "another key")
        ad = text("keyfob record 1") + self.id + u32(number) + u64(id_) + u64(version) + u32(key)
        return Reader(unseal(secret, ad, box + tag))

    def item(self, id_, version, *sealed):
        reader = self.unbox(id_, version, *sealed)
        check(reader.u8() == 1, "another layout")
        item = {"number": id_ & (2**40 - 1), "version": version, "created": reader.u64(), "modified": reader.u64()}
        item["label"], item["type"] = reader.text(), reader.text()
        attributes = [(reader.text(), reader.text()) for _ in range(reader.u32())]
        check(attributes == sorted(set(attributes), key=lambda pair: pair[0].encode()), "order of attributes")
        item["attributes"] = dict(attributes)
        item["value"] = shown(reader.blob())
        reader.end()
        return item

    def marked(self, id_, version, *sealed):
        reader = self.unbox(id_, version, *sealed)
        layout = reader.u8()
        check(layout == 1 or layout == 2 and self.version > 3, "another layout")
        marks = [(reader.u8(), reader.raw(32).hex()) for _ in range(reader.u32())]
        check(len(marks) <= 8 and len(set(marks)) == len(marks), "marks")
        record = {"number": id_ & (2**40 - 1), "version": version, "marks": [list(mark) for mark in marks], "data": shown(reader.blob())}
        if layout == 2:
            record["hint"] = shown(reader.blob())
        reader.end()
        return record

    def check_hint(self, record, id_):
        sealed = self.rows("SELECT sealed FROM hint WHERE item=?", id_) if self.version > 3 else []
        if "hint" not in record:
            check(not sealed, "a hint of a record that has none")
            return
        ad = text("keyfob hint 1") + self.id + u64(id_) + u64(record["version"])
        check(shown(unseal(derive(self.index_key, "keyfob hints"), ad, sealed[0][0])) == record["hint"], "hint")

    def mark_tokens(self, number, marks):
        key = derive(self.key(number)[1], "keyfob marks")
        start = text("keyfob mark 1") + u32(number - CLASS)
        return {blake2b(16, key, start + u8(kind) + bytes.fromhex(value)) for kind, value in marks}

    def tokens(self, attributes):
        pairs = dict([GENERIC]) | attributes
        pairs = sorted(pairs.items(), key=lambda pair: pair[0].encode())
        encoded = [text(name) + text(value) for name, value in pairs]
        whole = text("keyfob attribute set 1") + u32(len(pairs)) + b"".join(encoded)
        tokens = {blake2b(16, self.index_key, text("keyfob attribute 1") + pair) for pair in encoded}
        return tokens | {blake2b(16, self.index_key, whole)}

    def collection(self, no):
        """The items of a collection, or the records of a class."""
        key_id, key = self.key(no)
        sum_key, total, items = derive(key, "keyfob sum"), 0, []
        first, last = no << 40, (no + 1 << 40) - 1
        for row in self.rows("SELECT id,version,key,tag,box FROM item WHERE id BETWEEN ? AND ? ORDER BY id", first, last):
            tokens = {token for token, in self.rows("SELECT token FROM attr WHERE item=?", row[0])}
            if no > CLASS:
                items.append(self.marked(*row))
                check(tokens == self.mark_tokens(no, items[-1]["marks"]), "tokens of marks")
                self.check_hint(items[-1], row[0])
            else:
                items.append(self.item(*row))
                check(tokens == self.tokens(items[-1]["attributes"]), "tokens")
            total += int.from_bytes(blake2b(32, sum_key, u64(row[0]) + u64(row[1]) + row[3]), "little")
        ad = text("keyfob head 1") + self.id + u32(no) + u32(key_id)
        sealed = self.rows("SELECT sealed FROM head WHERE collection=?", no)
        if no > CLASS and not sealed:
            check(not items, "records without a head")
            return []
        head = Reader(unseal(key, ad, sealed[0][0]))
        check(head.u8() == 1, "another head")
        check(int.from_bytes(head.raw(32), "little") == total % 2**256, "sum")
        check(head.u64() == len(items), "number of items")
        check(all(max(item["number"], item["version"]) <= head.u64() for item in items[-1:]), "counter")
        return items

    def trash(self, no):
        found = []
        for *row, deleted in self.rows(
            "SELECT item,version,key,tag,box,deleted FROM trash WHERE item BETWEEN ? AND ? ORDER BY seq", no << 40, (no + 1 << 40) - 1
        ):
            check(no < CLASS or deleted, "an old content of a class's record")
            found.append(self.marked(*row) if no > CLASS else self.item(*row) | {"deleted": bool(deleted)})
        return found

    def classes(self):
        found = {}
        for owner, name in CLASSES.items():
            records, deleted = self.collection(CLASS + owner), self.trash(CLASS + owner)
            if records or deleted:
                found[name] = {"records": records, "deleted": deleted}
        return found

    def canonical(self, sql, *values):
        out = b""
        for row in self.rows(sql, *values):
            out += u8(1)
            for value in row:
                if isinstance(value, int):
                    out += u8(1) + struct.pack("<q", value)
                else:
                    out += u8(5) if value is None else value
        return out + u8(0)

    def check_manifest(self, scope):
        # sqlite3 gives text and blobs alike as bytes here, so SQL writes their type and length.
        def typed(column):
            return (
                f"CASE typeof({column}) WHEN 'text' THEN tag(3,{column}) WHEN 'blob' THEN tag(4,{column}) ELSE {column} END"
            )

        self.db.create_function("tag", 2, lambda kind, value: u8(kind) + text(value))

        def select(columns, rest):
            return "SELECT " + ",".join(typed(column) for column in columns.split(",")) + " FROM " + rest

        data = text("keyfob manifest 1") + self.id + u32(scope)
        data += self.canonical(select("id,scope,kind,label,created,params,wrapped", "slot WHERE scope=? ORDER BY slot.id"), scope)
        data += self.canonical(select("scope,purpose,owner,id,sealed", "key WHERE scope=? ORDER BY purpose,owner"), scope)
        key = self.keys[3, 0][1]
        if scope == 0:
            data += blake2b(32, b"", self.index_key) + self.meta["next-collection"] + self.meta["next-key"]
            data += self.canonical(select("no,name,label,created,own,deleted", "collection ORDER BY no"))
            data += self.canonical(select("name,collection", "alias ORDER BY name"))
            classes = self.canonical(select("collection", f"head WHERE collection>={CLASS} ORDER BY collection"))
            data += classes if len(classes) > 1 else b""
        else:
            key = derive(self.keys[1, scope][1], "keyfob manifest")
        check(self.one("SELECT mac FROM manifest WHERE scope=?", scope) == blake2b(32, key, data), "manifest")

    def decode(self):
        slots = self.open_slots()
        self.open_keys()
        collections = []
        for no, name, label, own, deleted in self.rows("SELECT no,name,label,own,deleted FROM collection ORDER BY no"):
            collections.append(
                {
                    "no": no,
                    "name": name.decode(),
                    "label": label.decode(),
                    "own": bool(own),
                    "deleted": bool(deleted),
                    "items": self.collection(no),
                    "trash": self.trash(no),
                }
            )
            if own:
                self.check_manifest(no)
        self.check_manifest(0)
        found = {
            "vault-id": self.id.hex(),
            "roots": {str(scope): root.hex() for scope, root in sorted(self.roots.items())},
            "slots": slots,
            "aliases": {name.decode(): no for name, no in self.rows("SELECT name,collection FROM alias ORDER BY name")},
            "collections": collections,
        }
        if self.version > 1:
            found["classes"] = self.classes()
            if self.version > 2:
                found["seals"] = self.seals
            if self.version > 3:
                check(self.one("SELECT count(*) FROM hint WHERE item NOT IN (SELECT id FROM item)") == 0, "a hint of no record")
            found["notes"] = {name[5:]: shown(value) for name, value in sorted(self.meta.items()) if name.startswith("note:")}
        return found


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("vault")
    parser.add_argument("--password", type=str.encode)
    parser.add_argument("--key-file", type=lambda path: open(path, "rb").read())
    parser.add_argument("--device", type=bytes.fromhex)
    parser.add_argument("--recovery")
    parser.add_argument("--login", type=str.encode)
    parser.add_argument("--touched", type=bytes.fromhex)
    parser.add_argument("--verified", type=bytes.fromhex)
    parser.add_argument("--tpm", type=bytes.fromhex)
    parser.add_argument("--expect")
    arguments = parser.parse_args()
    secrets = {1: arguments.password, 2: arguments.key_file, 4: arguments.recovery, 5: arguments.login, 7: arguments.tpm}
    secrets |= {"touched": arguments.touched, "verified": arguments.verified}
    found = Vault(arguments.vault, secrets, arguments.device).decode()
    if arguments.expect:
        with open(arguments.expect, encoding="utf-8") as file:
            if json.load(file) != found:
                sys.exit(f"{arguments.vault}: differs from {arguments.expect}")
        print(f"{arguments.vault}: as expected")
    else:
        print(json.dumps(found, indent=1, ensure_ascii=False))


if __name__ == "__main__":
    main()
