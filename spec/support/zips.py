#!/usr/bin/python3
"""Makes zip archives of every kind that a receiver must take or refuse, without our own code.

usage: zips.py FOLDER     writes <kind>.zip; what is expected of each is in spec/support/zip_kinds.lua
"""
import os
import struct
import sys
import zlib

PDF = b"%PDF-1.4 et lite brev\n"
TEXT = b"et vedlegg\n"
UTF8, DESCRIPTOR, ENCRYPTED = 1 << 11, 1 << 3, 1
FIXED_TIME = 0x21 << 16


def name_bytes(text):
    return text if isinstance(text, bytes) else text.encode("utf-8")


class Archive:
    def __init__(self):
        self.out, self.directory, self.count = b"", b"", 0

    def add(self, name, data, flags=0, method=8, central=None, crc_xor=0, made_by=0, mode=0,
            extra=b"", wide=False, at=None):
        name = name_bytes(name)
        packed = zlib.compress(data, 9)[2:-4] if method == 8 else data
        crc = zlib.crc32(data) ^ crc_xor
        start = len(self.out) if at is None else at
        behind = flags & DESCRIPTOR
        sizes = (0, 0, 0) if behind else (crc, len(packed), len(data))
        local_extra = extra
        if wide:
            sizes = (sizes[0], 0xFFFFFFFF, 0xFFFFFFFF)
            local_extra += struct.pack("<HHQQ", 1, 16, len(data), len(packed))
        if at is None:
            self.out += struct.pack("<IHHHIIIIHH", 0x04034B50, 20, flags, method, FIXED_TIME, *sizes,
                                    len(name), len(local_extra)) + name + local_extra + packed
            if behind:
                self.out += struct.pack("<IIII", 0x08074B50, crc, len(packed), len(data))
        listed = name_bytes(central) if central is not None else name
        small = (0xFFFFFFFF,) * 2 if wide else (len(packed), len(data))
        more = struct.pack("<HHQQ", 1, 16, len(data), len(packed)) if wide else b""
        self.directory += struct.pack(
            "<IHHHHIIIIHHHHHII", 0x02014B50, made_by << 8 | 20, 20, flags, method, FIXED_TIME, crc,
            *small, len(listed), len(more), 0, 0, 0, mode << 16, start) + listed + more
        self.count += 1
        return self

    def done(self, before=b"", end64=False):
        start, size, count = len(self.out), len(self.directory), self.count
        tail = b""
        if end64:
            tail = struct.pack("<IQHHIIQQQQ", 0x06064B50, 44, 45, 45, 0, 0, count, count, size, start)
            tail += struct.pack("<IIQI", 0x07064B50, 0, start + size, 1)
            count, size, start = 0xFFFF, 0xFFFFFFFF, 0xFFFFFFFF
        tail += struct.pack("<IHHHHIIH", 0x06054B50, 0, 0, count, count, size, start, 0)
        return before + self.out + self.directory + tail


def one(name, data=PDF, **how):
    return Archive().add(name, data, **how).done()


def unicode_path(raw, name):
    field = struct.pack("<BI", 1, zlib.crc32(raw)) + name.encode("utf-8")
    return struct.pack("<HH", 0x7075, len(field)) + field


def kinds():
    svarut = UTF8 | DESCRIPTOR
    yield "ok-utf8-datadescriptor", (Archive().add("søknad æøå.pdf", PDF, flags=svarut)
                                     .add("vedlegg.txt", TEXT, flags=svarut)
                                     .add("tom.bin", b"", flags=svarut).done())
    yield "ok-single-pdf", one("brev.pdf")
    yield "empty", Archive().done()
    yield "name-utf8-flag", one("søknad æøå.pdf", flags=UTF8)
    yield "name-utf8-noflag", one("søknad æøå.pdf")
    yield "name-cp850-noflag", one("søknad æøå.pdf".encode("cp850"))
    yield "name-cp865-noflag", one("søknad æøå.pdf".encode("cp865"))
    yield "name-latin1-noflag", one("søknad æøå.pdf".encode("latin-1"))
    yield "name-windows1252-noflag", one("søknad – æøå.pdf".encode("cp1252"))
    yield "name-unicode-field", one(b"s_knad.pdf",
                                    extra=unicode_path(b"s_knad.pdf", "søknad æøå.pdf"))
    yield "name-nfd-flag", one("søknad æøa\u030a.pdf", flags=UTF8)
    yield "name-invalid-utf8-flag", one("søknad æøå.pdf".encode("latin-1"), flags=UTF8)
    yield "name-nul", one(b"brev.pdf\0.exe")
    yield "name-empty", one("")
    yield "name-reserved", (Archive().add("CON.pdf", PDF).add("lpt1", TEXT).add("brev.pdf. ", PDF)
                            .add("a<b>:\"|?*c.txt", TEXT).done())
    yield "name-overlong-300", one("å" * 148 + ".pdf")
    for number, name in enumerate(["../ut.txt", "/etc/passwd", "..\\ut.txt", "C:\\ut.txt",
                                   "ok/../../ut.txt", "c:ut.txt"]):
        yield "traversal-%d" % number, one(name)
    yield "traversal", Archive().add("ok/", b"", method=0).add("../ut.txt", TEXT).done()
    yield "folders", (Archive().add("mappe/", b"", method=0).add("mappe/brev.pdf", PDF).done())
    yield "duplicates", Archive().add("a.pdf", PDF).add("a.pdf", TEXT).add("A.PDF", TEXT).done()
    yield "duplicates-case", Archive().add("ÅRET.pdf", PDF).add("året.pdf", TEXT).done()
    yield "duplicates-nfd", (Archive().add("året.pdf", PDF, flags=UTF8)
                             .add("a\u030aret.pdf", TEXT, flags=UTF8).done())
    yield "bomb-10MiB-zeros", one("bombe.bin", bytes(10 << 20))
    yield "bad-crc", one("brev.pdf", crc_xor=1)
    yield "truncated-no-central-dir", one("brev.pdf")[:-40]
    yield "method-bzip2", one("brev.pdf", method=12)
    yield "flag-encrypted", one("brev.pdf", flags=ENCRYPTED)
    yield "symlink", one("lenke", b"/etc/passwd", method=0, made_by=3, mode=0o120777)
    yield "local-central-name-mismatch", one("brev.pdf", central="annet.pdf")
    yield "overlap", Archive().add("a.pdf", PDF).add("b.pdf", PDF, at=0).done()
    yield "prefix-junk", Archive().add("brev.pdf", PDF).done(before=b"MZ junk in front of it")
    yield "zip64-small", Archive().add("brev.pdf", PDF, wide=True).done(end64=True)


for kind, archive in kinds():
    with open(os.path.join(sys.argv[1], kind + ".zip"), "wb") as file:
        file.write(archive)
