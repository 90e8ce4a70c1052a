"""Peer of the rows call_* (bench/clients.lua has the arguments): pycurl, Debian's, on GnuTLS.

One reused handle, or several in a CurlMulti.
"""
import io
import json
import sys
import time

import pycurl

url, ca_file, count, warm, in_flight, token_file, integrasjon, password_file = sys.argv[1:]
GET = [
    "Accept-Encoding: identity",
    "Authorization: Bearer " + open(token_file).readline().strip(),
    "IntegrasjonId: " + integrasjon,
    "IntegrasjonPassord: " + open(password_file).readline().strip(),
]
POST = GET + ["Content-Type: application/json"]
BODY = '{"navn":"Grong kommune","sak":17}'


def new_handle():
    handle = pycurl.Curl()
    handle.setopt(pycurl.URL, url)
    handle.setopt(pycurl.CAINFO, ca_file)
    handle.setopt(pycurl.USERAGENT, "lua-fiks/0.1.0")
    handle.setopt(pycurl.NOSIGNAL, 1)
    handle.setopt(pycurl.PIPEWAIT, 1)
    return handle


def prepare(handle, number):
    if number % 2:
        handle.setopt(pycurl.HTTPHEADER, POST)
        handle.setopt(pycurl.POSTFIELDS, BODY)
    else:
        handle.setopt(pycurl.HTTPHEADER, GET)
        handle.setopt(pycurl.HTTPGET, 1)
    handle.answer = io.BytesIO()
    handle.setopt(pycurl.WRITEDATA, handle.answer)


def check(handle):
    value = json.loads(handle.answer.getvalue())
    if handle.getinfo(pycurl.RESPONSE_CODE) != 200 or value["antallKonsumenter"] != 42:
        raise ValueError("wrong answer")


def one_by_one(handle, total):
    for number in range(total):
        prepare(handle, number)
        handle.perform()
        check(handle)


def side_by_side(multi, handles, total):
    numbers = iter(range(total))
    running = 0

    def start(handle):
        number = next(numbers, None)
        if number is None:
            return 0
        prepare(handle, number)
        multi.add_handle(handle)
        return 1

    for handle in handles:
        running += start(handle)
    while running:
        while multi.perform()[0] == pycurl.E_CALL_MULTI_PERFORM:
            pass
        ended = 0
        _, good, bad = multi.info_read(len(handles))
        if bad:
            raise ValueError(bad[0][2])
        for handle in good:
            check(handle)
            multi.remove_handle(handle)
            ended += 1
            running += start(handle) - 1
        if running and not ended:
            multi.select(1.0)


def main():
    handles = [new_handle() for _ in range(int(in_flight))]
    multi = pycurl.CurlMulti()

    def run(total):
        if len(handles) == 1:
            one_by_one(handles[0], total)
        else:
            side_by_side(multi, handles, total)

    run(int(warm))
    wall, cpu = time.monotonic(), time.process_time()
    run(int(count))
    cpu, wall = time.process_time() - cpu, time.monotonic() - wall
    print(count, int(cpu * 1e6), int(wall * 1e6))


main()
