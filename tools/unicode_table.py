#!/usr/bin/env python3
"""Writes csrc/names_table.h: what comparing names needs of the Unicode Character Database, below
U+3000. Usage: tools/unicode_table.py >csrc/names_table.h"""
import unicodedata

TOP = 0x3000


def rows(items, per_line, text):
    lines = [", ".join(text(i) for i in items[n:n + per_line])
             for n in range(0, len(items), per_line)]
    return ",\n    ".join(lines)


def decompositions():
    for code in range(TOP):
        parts = unicodedata.decomposition(chr(code)).split()
        if parts and not parts[0].startswith("<") and int(parts[0], 16) < 0x10000:
            yield code, int(parts[0], 16), int(parts[1], 16) if len(parts) > 1 else 0


def folds():
    """Runs of every `step`th code point that folds by adding `offset` (modulo 2^16)."""
    found = []
    for code in range(TOP):
        folded = chr(code).casefold()
        if len(folded) == 1 and folded != chr(code) and ord(folded) < 0x10000:
            found.append((code, (ord(folded) - code) % 0x10000))
    runs = []
    for code, offset in found:
        last = runs[-1] if runs else None
        if last and last[3] == offset and code - last[1] in (1, 2) and \
                (last[0] == last[1] or last[2] == code - last[1]):
            last[2] = code - last[1]
            last[1] = code
        else:
            runs.append([code, code, 1, offset])
    return runs


def classes():
    runs = []
    for code in range(TOP):
        value = unicodedata.combining(chr(code))
        if not value:
            continue
        if runs and runs[-1][1] == code - 1 and runs[-1][2] == value:
            runs[-1][1] = code
        else:
            runs.append([code, code, value])
    return runs


def hexes(row):
    return "{" + ", ".join("0x%X" % n for n in row) + "}"


print("""/* Made by tools/unicode_table.py from Unicode %s: canonical decompositions, simple case folding
 * and combining classes below U+3000. */
#ifndef FIKS_NAMES_TABLE_H
#define FIKS_NAMES_TABLE_H

#include <stdint.h>

/* clang-format off */
static const struct decomposition { uint16_t code, first, second; } decompositions[] = {
    %s};

/* Every `step`th code point of a run folds by adding `offset`, modulo 2^16. */
static const struct fold { uint16_t from, to, step, offset; } folds[] = {
    %s};

static const struct combining { uint16_t from, to; uint8_t combining; } classes[] = {
    %s};
/* clang-format on */

#endif""" % (unicodedata.unidata_version, rows(list(decompositions()), 3, hexes),
             rows(folds(), 3, hexes), rows(classes(), 4, hexes)))
