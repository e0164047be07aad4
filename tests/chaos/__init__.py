"""The soak of `make chaos`: parts die, hang and fill up while a ledger records what was promised.

ground.py       the environment of a fault: a folder, a seed, a scale; how runs start and end
faults/         one file per fault
load.py         writers (library, bare stub, unary) and readers that keep running through a fault
ledger.py       what was acknowledged, and the check that the store has it exactly once
health_watch.py what health reported, compared with the truth
report.py       the table
"""
