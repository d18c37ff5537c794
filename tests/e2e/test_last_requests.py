"""The requests that a server answered right before it was told to end are counted."""

import signal

REQUESTS = 40


def test_what_was_answered_before_the_signal_is_counted(house, kit):
    house.serve()
    process, port = house.application("shop")
    for number in range(REQUESTS):
        assert kit.get(port, f"/things/{number}") == (200, f"fan {number}")
    process.send_signal(signal.SIGTERM)
    process.wait(60)
    kit.wait(lambda: house.stored("shop") >= REQUESTS, "the last request", told=lambda: house.stored("shop"))
    account = house.settled("shop")
    assert account["accepted"] == account["stored"] == REQUESTS
    assert house.endpoints("shop") == {"GET /things/<int:number>": REQUESTS}
