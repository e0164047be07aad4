"""The faults, one file each."""

from collections.abc import Mapping

from chaos.fault import Fault
from chaos.faults.cancellations import cancellations
from chaos.faults.churn import churn
from chaos.faults.disk_full import disk_full
from chaos.faults.hung_store import hung_store
from chaos.faults.kill_client import kill_client
from chaos.faults.kill_milvus import kill_milvus
from chaos.faults.kill_replica import kill_replica
from chaos.faults.kill_server import kill_server
from chaos.faults.silent_readers import silent_readers

FAULTS: Mapping[str, Fault] = {
    "kill-server": kill_server,
    "kill-milvus": kill_milvus,
    "kill-client": kill_client,
    "kill-replica": kill_replica,
    "disk-full": disk_full,
    "cancellations": cancellations,
    "silent-readers": silent_readers,
    "churn": churn,
    "hung-store": hung_store,
}
"""By name, in the order of the table."""
