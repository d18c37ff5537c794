"""Finished traces to what is kept of them: counts, histograms, merged trees, whole traces, findings.

tables.Table        strings and kinds of one connection, as TABLE messages grow them
batches.parse       a BATCH's bytes, checked against the table
aggregator          what outlives one record: names, bounds, budgets; it begins records
record.Record       one COMMIT being built: every batch of a group is added to it
trees, keeper       the merged trees; which traces are kept whole
findings            when a repeated statement is worth telling; asked again when reading
"""
