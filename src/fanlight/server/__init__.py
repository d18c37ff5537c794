"""The server: applies the spool to the store, keeps the store in shape, answers what is asked.

`server.Server` owns the three; `applier` reads segments, `upkeep` closes and drops days,
`answers.Answers` is what the page and the command line ask, `account` adds up what became of every
trace.
"""
