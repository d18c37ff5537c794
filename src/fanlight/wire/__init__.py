"""Application ⇄ collector, and collector ⇄ spool: messages, codec, frames, the latency grid."""
