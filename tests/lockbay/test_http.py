"""One door to the outside: every call has a time-out, none happens inside a transaction (P3)."""

import socket

import pytest
from django.db import transaction

from lockbay import http


@pytest.fixture
def wire():
    requests = []

    def answer(request):
        requests.append(request)
        return http.Response(302, headers={"Location": "http://elsewhere.example/"})

    http.use_transport(http.MockTransport(answer))
    yield requests
    http.use_transport(None)


def test_every_call_has_a_time_out_and_follows_no_redirect(wire):
    assert http.request("GET", "http://provider.example/x").status_code == 302
    assert len(wire) == 1
    assert set(wire[0].extensions["timeout"].values()) == {http.DEFAULT_TIMEOUT_SECONDS}


@pytest.mark.django_db(transaction=True)
def test_a_call_inside_a_transaction_is_refused_before_anything_is_sent(wire):
    with transaction.atomic(), pytest.raises(http.NetworkInsideTransaction):
        http.request("GET", "http://provider.example/x")
    assert wire == []


@pytest.mark.django_db
def test_the_transaction_that_wraps_a_test_is_not_one_of_ours(wire):
    http.request("GET", "http://provider.example/x")
    with transaction.atomic(), pytest.raises(http.NetworkInsideTransaction):
        http.request("GET", "http://provider.example/x")


@pytest.mark.django_db(transaction=True)
def test_no_socket_is_opened_inside_a_transaction_by_anybody():
    with socket.socket() as server, socket.socket() as client:
        server.bind(("127.0.0.1", 0))
        server.listen()
        with transaction.atomic(), pytest.raises(http.NetworkInsideTransaction):
            client.connect(server.getsockname())
        client.connect(server.getsockname())
