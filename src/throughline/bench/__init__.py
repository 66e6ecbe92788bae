"""What every artefact costs: bytes, loading, the first answer, latency, throughput, memory.

`measure` asks each artefact in processes of its own, in rounds; `worker` is what such a process does; `intervals` says
how sure a median is and whether there is a winner; `accounts` reads where an artefact's bytes go.
"""
