"""The soak of `make chaos`: parts die, hang and fill up while a ledger remembers what was promised.

ground.py       where it happens: a folder, a seed, a scale; servers and Milvuses to break
faults/         one file a fault
load.py         writers (library, bare stub, unary) and readers that go on through all of it
ledger.py       what was acknowledged, and the check that it is in the store, once
health_watch.py what health said, beside what was true
report.py       the table
"""
