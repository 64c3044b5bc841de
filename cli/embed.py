#!/usr/bin/env python3
"""Writes files as C arrays: embed.py OUTPUT NAME=FILE..."""
import sys

with open(sys.argv[1], "w", encoding="ascii") as output:
    for argument in sys.argv[2:]:
        name, path = argument.split("=", 1)
        with open(path, "rb") as source:
            data = source.read()
        output.write(f"static const unsigned char {name}[] = {{\n")
        for start in range(0, len(data), 16):
            output.write(" " * 8 + ", ".join(f"0x{byte:02x}" for byte in data[start : start + 16]) + ",\n")
        output.write("};\n")
