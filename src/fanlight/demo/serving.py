"""gunicorn's settings for both of the demo's services."""

worker_class = "gthread"
threads = 4
keepalive = 75
graceful_timeout = 10
# A control socket would lie in the user's home directory, one for both services.
control_socket_disable = True
