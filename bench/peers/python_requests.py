"""Peer of the rows call_* (bench/clients.lua has the arguments): python requests.

A thread and a Session with its kept connection for each request in flight.
"""
import itertools
import sys
import threading
import time

import requests

url, ca_file, count, warm, in_flight, token_file, integrasjon, password_file = sys.argv[1:]
HEADERS = {
    "User-Agent": "lua-fiks/0.1.0",
    "Accept-Encoding": "identity",
    "Authorization": "Bearer " + open(token_file).readline().strip(),
    "IntegrasjonId": integrasjon,
    "IntegrasjonPassord": open(password_file).readline().strip(),
}
BODY = '{"navn":"Grong kommune","sak":17}'
JSON = {"Content-Type": "application/json"}


def new_session():
    session = requests.Session()
    session.verify = ca_file
    session.trust_env = False
    session.headers.update(HEADERS)
    return session


def work(session, numbers, total, failures):
    try:
        for number in numbers:
            if number >= total:
                return
            if number % 2:
                answer = session.post(url, data=BODY, headers=JSON)
            else:
                answer = session.get(url)
            answer.raise_for_status()
            value = answer.json()
            if value["antallKonsumenter"] != 42 or value["kontoNavn"] != "Storevik arkiv":
                raise ValueError("wrong answer")
    except Exception as error:
        failures.append(error)


def run(sessions, total):
    numbers, failures = itertools.count(), []
    threads = [threading.Thread(target=work, args=(s, numbers, total, failures)) for s in sessions[1:]]
    for thread in threads:
        thread.start()
    work(sessions[0], numbers, total, failures)
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]


sessions = [new_session() for _ in range(int(in_flight))]
run(sessions, int(warm))
wall, cpu = time.monotonic(), time.process_time()
run(sessions, int(count))
cpu, wall = time.process_time() - cpu, time.monotonic() - wall
print(count, int(cpu * 1e6), int(wall * 1e6))
