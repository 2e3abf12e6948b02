"""What a delivery leaves out of a usual request of Django and DRF, and why.

A sender waits for the answer, so whatever it does not need costs it for nothing. Microseconds of
CPU in one process, the least of nine rounds: a view with an HMAC 66, the same with all of DRF
148, this one 93. One INSERT with its flush to disk is a few hundred.

`handler`     no signals around the request: their receivers walk over all caches and connections
              four times, a tenth of an answer. Of the middleware only the request id, failures
              and security's headers: 10 of 45.
`view`        no DRF authentication, parsing, throttling or negotiation, and a plain HttpResponse:
              55 of 148. `initial()` stays: 8 more, but then a permission that somebody adds holds.
`statements`  the endpoint by a cache of three seconds: a query for it is 109, and 167 on the
              clock. One autocommit INSERT, prepared once a connection, on the driver's own cursor:
              a fifth more deliveries per second than with Django's. A connection that died is
              tried again, where usual requests ask each time whether it lives.

Beside it, in the receiver: the query string by hand (a QueryDict costs as much as the signature),
no log line for what has a row (a tenth of the throughput), and the wake-up of the workers in a
thread of its own, so that Redis cannot make anybody wait.
"""
