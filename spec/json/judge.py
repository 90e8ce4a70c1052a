"""Python's json as a judge of ours, under the rules of docs/json.md.

judge.py documents RUNTIME  one document per line of stdin, in hexadecimal; per line of stdout its
                            value as spec/json/cases.lua's `canonical` writes it, or "refused".
                            RUNTIME (lua5.4, luajit) decides what integers beyond 2^53 become.
judge.py doubles COUNT      doubles, each as 17 digits and in the fewest that read back.
"""

import json
import math
import random
import struct
import sys

DEPTH = 64


class Refused(Exception):
    pass


def members(pairs):
    if len(dict(pairs)) != len(pairs):
        raise Refused("a name comes twice")
    return dict(pairs)


def constant(name):
    raise Refused(name + " is no number")


def fraction(text):
    number = float(text)
    if math.isinf(number):
        raise Refused("beyond the range of a double")
    return number


def integer(runtime, number):
    if abs(number) <= 2**53:
        return "n%.17g" % number
    if runtime == "luajit":
        return "s" + str(number).encode().hex()
    return "n%d" % number if -(2**63) <= number < 2**63 else "n%.17g" % float(number)


def canonical(runtime, value, depth=0):
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return integer(runtime, value)
    if isinstance(value, float):
        return "n%.17g" % value
    if isinstance(value, str):
        return "s" + value.encode("utf-8").hex()
    if depth == DEPTH:
        raise Refused("too deep")
    if isinstance(value, list):
        return "[" + ",".join(canonical(runtime, item, depth + 1) for item in value) + "]"
    parts = [
        name.encode("utf-8").hex() + ":" + canonical(runtime, item, depth + 1)
        for name, item in value.items()
    ]
    return "{" + ",".join(sorted(parts)) + "}"


def judge(runtime, document):
    try:
        text = document.decode("utf-8")
        if text.startswith("\ufeff"):
            text = text[1:]
        value = json.loads(
            text, object_pairs_hook=members, parse_constant=constant, parse_float=fraction
        )
        return canonical(runtime, value)
    except (Refused, ValueError, RecursionError):
        return "refused"


def some_double(random_bits, number):
    if number % 3 == 0:  # an amount, a coordinate
        return random_bits(40) / 10 ** (1 + random_bits(3))
    if number % 3 == 1:  # a power of two and its neighbours
        power = math.ldexp(1.0, random_bits(11) % 2098 - 1074)
        return math.nextafter(power, (0.0, power, math.inf)[random_bits(2) % 3])
    return struct.unpack("<d", struct.pack("<Q", random_bits(64)))[0]


def main():
    if sys.argv[1] == "documents":
        for line in sys.stdin:
            print(judge(sys.argv[2], bytes.fromhex(line)))
        return
    random_bits = random.Random(20180102).getrandbits
    for number in range(int(sys.argv[2])):
        double = some_double(random_bits, number)
        if math.isfinite(double):
            print("%.17g %r" % (double, double))


sys.set_int_max_str_digits(0)
main()
