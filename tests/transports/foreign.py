"""dnspython asks over QUIC and HTTP/3, and compares what it gets with what it gets over TCP.

Arguments: certificate, its host, then the ports of DNS over TCP, QUIC and HTTP/3, then names. Prints what was compared.
"""

import functools
import sys

import dns.flags
import dns.message
import dns.query
import dns.quic
import dns.rcode

certificate, host, tcp, quic, http3, *names = sys.argv[1:]
SERVER = "127.0.0.1"
URL = f"https://{host}:{http3}/dns-query"
PATIENCE = 60
# Queries that are in flight together on one connection, and how often.
TOGETHER, ROUNDS = 60, 5
QUESTIONS = [(name, rtype) for name in names for rtype in ("A", "TXT", "SOA", "NS", "ANY")]


def query(number):
    name, rtype = QUESTIONS[number % len(QUESTIONS)]
    return dns.message.make_query(name, rtype, use_edns=0, want_dnssec=number % 2 == 1, pad=128)


def contents(message):
    sections = [sorted(rrset.to_text() for rrset in section) for section in message.sections[1:]]
    return message.question, message.rcode(), message.flags & ~dns.flags.RD, sections


@functools.cache
def over_tcp(number):
    return dns.query.tcp(query(number), SERVER, port=int(tcp), timeout=PATIENCE)


def compare(number, answer):
    """Fails unless the answer is the one over TCP, has ID 0 (RFC 9250 §4.2.1, RFC 8484 §4.1) and is padded (RFC 8467 §4.1)."""
    expected = over_tcp(number % (2 * len(QUESTIONS)))
    assert contents(answer) == contents(expected), f"{answer}\n\n{expected}"
    assert answer.id == 0, answer
    assert len(answer.wire) % 468 == 0, len(answer.wire)
    return sum(len(rrset) for rrset in answer.answer)


def many(h3):
    """All queries on one connection, many in flight together; the largest number of records in an answer."""
    largest = 0
    with dns.quic.SyncQuicManager(verify_mode=certificate, server_name=host, h3=h3) as manager:
        connection = manager.connect(SERVER, int(http3 if h3 else quic))
        for turn in range(ROUNDS):
            numbers = range(turn * TOGETHER, (turn + 1) * TOGETHER)
            streams = [send(query(number), connection, h3, number) for number in numbers]
            for number, stream in zip(numbers, streams):
                with stream:
                    answer = dns.message.from_wire(stream.receive(PATIENCE))
                    if h3:
                        assert (b":status", b"200") in stream.headers(), stream.headers()
                    largest = max(largest, compare(number, answer))
    return largest


def send(message, connection, h3, number):
    message.id = 0
    stream = connection.make_stream(PATIENCE)
    if h3:
        # Every second pair as GET (RFC 8484 §4.1).
        stream.send_h3(URL, message.to_wire(), number % 4 < 2)
    else:
        stream.send(message.to_wire(), True)
    return stream


def alone():
    """One query, one connection, by the plain calls; and no connection where the certificate is not trusted."""
    compare(0, dns.query.quic(query(0), SERVER, PATIENCE, int(quic), verify=certificate, hostname=host))
    h3 = {"http_version": dns.query.HTTPVersion.H3, "bootstrap_address": SERVER}
    compare(0, dns.query.https(query(0), URL, PATIENCE, verify=certificate, **h3))
    try:
        dns.query.quic(query(0), SERVER, PATIENCE, int(quic), verify=True, hostname=host)
    except Exception:  # dnspython has many for it
        return
    raise AssertionError("a certificate that nobody vouches for was taken")


alone()
for h3 in (False, True):
    largest = many(h3)
    print(f"{'HTTP/3' if h3 else 'QUIC'}: {TOGETHER * ROUNDS} answers, up to {largest} records")
