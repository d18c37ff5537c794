"""The host's receiving process: batches from applications in, fsynced spool records out.

* `collector.Collector`: the process; `run()` until a signal or `stop()`.
* `doorway`, `connection`: the socket, and the conversation with one peer.
* `commits.Committer`: group commit, and the only place that acknowledges.
* `spool.SpoolWriter`: segments on disk; its file-system calls are passed in.
* `ledger.Ledger`: what was accepted, dropped, lost, and each client's last batch.
"""
